using TorchSharp;

namespace Diffusion.Training;

/// <summary>
/// Finds the reasons why a model cannot train with gradient checkpointing or within a memory budget, if the options ask for it. Each
/// message says what, actual, expected, remedy.
/// </summary>
internal static class CheckpointingProblems
{
    /// <summary>Returns all reasons; empty if there are none.</summary>
    /// <param name="options">The options of the run.</param>
    /// <param name="model">The model to train.</param>
    /// <param name="device">The device; null for the best one.</param>
    public static IEnumerable<string> Of(TrainingOptions options, IDiffusionModel model, ComputeDevice? device)
    {
        GradientCheckpointing asked = options.GradientCheckpointing;
        string name = model.GetType().Name;
        bool isKnown = NetworkMemory.IsKnown(model);
        if (options.MemoryBudgetBytes is { } budget && !isKnown)
        {
            yield return $"MemoryBudgetBytes is {budget}, but the memory of the model ({name}) cannot be estimated: it is no UNet2D. Leave "
                + "it out, and set MicroBatchSize.";
        }

        if (asked == GradientCheckpointing.None || !Enum.IsDefined(asked))
        {
            yield break;
        }

        if (model.Checkpointing is not { } able)
        {
            yield return $"GradientCheckpointing is {asked}, but the model ({name}) does not implement IGradientCheckpointing. Leave it "
                + "out, or use a smaller MicroBatchSize.";
        }
        else if (asked == GradientCheckpointing.Fit && !isKnown)
        {
            yield return $"GradientCheckpointing is Fit, but the memory of the model ({name}) cannot be estimated: it is no UNet2D. "
                + "Use All.";
        }
        else if (!able.CanRecompute(asked))
        {
            yield return $"GradientCheckpointing is {asked}, but the model ({name}) cannot recompute just these blocks. Use All.";
        }
        else if (asked == GradientCheckpointing.Fit && NetworkMemory.BudgetOf(options, device ?? ComputeDevice.Best, processes: 1) is null)
        {
            yield return "GradientCheckpointing is Fit, but the memory of the device is not known. Set MemoryBudgetBytes, or use All.";
        }
        else if (model.HasDropout && (device ?? ComputeDevice.Best) is { Type: not DeviceType.CPU } used)
        {
            yield return $"GradientCheckpointing ({asked}) with dropout needs the CPU, which can repeat its random numbers, but the "
                + $"device is {used}. Turn off one of the two.";
        }
    }
}

using TorchSharp;

namespace Diffusion.Training;

/// <summary>
/// Finds the reasons why a model cannot train with gradient checkpointing, if the options ask for it. Each message says what, actual,
/// expected, remedy.
/// </summary>
internal static class CheckpointingProblems
{
    /// <summary>Returns all reasons; empty if there are none.</summary>
    /// <param name="options">The options of the run.</param>
    /// <param name="model">The model to train.</param>
    /// <param name="device">The device; null for the best one.</param>
    public static IEnumerable<string> Of(TrainingOptions options, IDiffusionModel model, ComputeDevice? device)
    {
        if (options.GradientCheckpointing && model.Checkpointing is null)
        {
            yield return $"GradientCheckpointing is True, but the model ({model.GetType().Name}) does not implement "
                + "IGradientCheckpointing. Leave it out, or use a smaller MicroBatchSize.";
        }
        else if (options.GradientCheckpointing && model.HasDropout
            && (device ?? ComputeDevice.Best) is { Type: not DeviceType.CPU } used)
        {
            yield return $"GradientCheckpointing (True) with dropout needs the CPU, which can repeat its random numbers, but the "
                + $"device is {used}. Turn off one of the two.";
        }
    }
}

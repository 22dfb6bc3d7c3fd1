using TorchSharp;

namespace Diffusion.Training;

/// <summary>
/// Finds why a model cannot train with gradient checkpointing where that is asked for, each as: what, actual, expected, remedy.
/// </summary>
internal static class CheckpointingProblems
{
    /// <summary>Every reason; empty when there is none.</summary>
    /// <param name="options">Whether it is asked for.</param>
    /// <param name="model">What is trained.</param>
    /// <param name="device">Where; null for the best there is.</param>
    public static IEnumerable<string> Of(TrainingOptions options, IDiffusionModel model, ComputeDevice? device)
    {
        if (options.GradientCheckpointing && model is not IGradientCheckpointing)
        {
            yield return $"GradientCheckpointing is True, but the model ({model.GetType().Name}) does not implement "
                + "IGradientCheckpointing. Leave it out, or use a smaller MicroBatchSize.";
        }
        else if (options.GradientCheckpointing && model.HasDropout
            && (device ?? ComputeDevice.Best) is { Type: not DeviceType.CPU } used)
        {
            yield return $"GradientCheckpointing (True) with dropout needs the CPU, whose random numbers can be drawn again, but the "
                + $"device is {used}. "
                + "Leave out one of both.";
        }
    }
}

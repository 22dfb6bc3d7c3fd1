namespace Diffusion.Training;

/// <summary>Finds the reasons why a run cannot compute in the precision of its options. Each message says what, expected, remedy.</summary>
internal static class PrecisionProblems
{
    /// <summary>Returns all reasons; empty if there are none.</summary>
    /// <param name="options">The options of the run.</param>
    /// <param name="device">The device; null for the best one.</param>
    public static IEnumerable<string> Of(TrainingOptions options, ComputeDevice? device)
    {
        if (options.Precision is Precision.Float32 or Precision.Best)
        {
            yield break;
        }

        if (!Enum.IsDefined(options.Precision))
        {
            yield return $"Precision ({options.Precision}) must be one of {string.Join(", ", Enum.GetNames<Precision>())}. Use Float32.";
        }
        else if ((device ?? ComputeDevice.Best) is var used && !used.Supports(options.Precision))
        {
            yield return $"Precision ({options.Precision}) must be one that the device supports, but {used} does not. Use Float32, or "
                + "another device.";
        }
    }
}

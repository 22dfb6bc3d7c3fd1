namespace Diffusion.Training;

/// <summary>Replaces <see cref="Precision.Best"/> in the options of a run by a definite precision, which its checkpoints record.</summary>
internal static class PrecisionChoice
{
    /// <summary>The definite precision of a run: that of the run that it resumes, else the fastest one of the device of rank 0.</summary>
    /// <param name="setup">The run.</param>
    /// <param name="folder">Its files; null where this process saves none.</param>
    public static Precision Of(TrainerSetup setup, RunFolder? folder)
    {
        Precision asked = setup.Options.Precision;
        bool isFirst = setup.Processes is null or { IsFirst: true };
        Precision own = asked != Precision.Best || !isFirst ? asked : folder?.SavedPrecision ?? PrecisionSpeed.BestOf(setup.Device);
        if (setup.Processes is null)
        {
            return own;
        }

        // Also where this process does not ask: another one may, and all must take part.
        long first = new RankExchange(setup.Processes.Group, setup.Device.Activate()).Gather([(long)own])[0][0];
        return asked == Precision.Best ? (Precision)first : asked;
    }

    /// <summary>A warning if the chosen precision is slower on the device than float32; usually empty.</summary>
    /// <param name="options">The options of the run.</param>
    /// <param name="device">Its device.</param>
    public static IEnumerable<TrainingWarning> Warnings(TrainingOptions options, ComputeDevice device)
    {
        if (options.Precision == Precision.Float32)
        {
            yield break;
        }

        double speed = PrecisionSpeed.Of(device, options.Precision);
        if (speed < 1)
        {
            yield return new TrainingWarning(nameof(TrainingOptions.Precision), Text(
                $"convolutions in {options.Precision} run at {speed:0.00} times the speed of float32 on {device}, which has no fast "
                    + $"instructions for it. Use Float32, or Best to choose by a measurement."));
        }
    }

    private static string Text(InvariantText text) => text.ToString();
}

namespace Diffusion.Training;

/// <summary>Replaces <see cref="Precision.Best"/> in the options of a run by a definite precision, which its checkpoints record.</summary>
internal static class PrecisionChoice
{
    private const double Slower = 1 / PrecisionSpeed.WorthIt;

    /// <summary>The definite precision of a run: that of the run that it resumes, else the fastest one of the device of rank 0.</summary>
    /// <param name="setup">The run.</param>
    public static Precision Of(TrainerSetup setup)
    {
        Precision asked = setup.Options.Precision;
        bool isFirst = setup.Processes is null or { IsFirst: true };
        Precision own = asked != Precision.Best || !isFirst ? asked : Saved(setup) ?? PrecisionSpeed.BestOf(setup.Device);
        if (setup.Processes is not { } processes)
        {
            return own;
        }

        // Also where this process does not ask: another one may, and all must take part.
        processes.Group.Barrier(processes.Options.PauseDeadline);
        long first = new RankExchange(processes.Group, setup.Device.Activate()).Gather([(long)own])[0][0];
        return asked == Precision.Best ? (Precision)first : asked;
    }

    /// <summary>A warning if the chosen precision is slower on the device than float32; usually empty.</summary>
    /// <param name="setup">The run.</param>
    public static IEnumerable<TrainingWarning> Warnings(TrainerSetup setup)
    {
        if (setup.Options.Precision == Precision.Float32 || setup.Processes is { IsFirst: false })
        {
            yield break;
        }

        double speed = PrecisionSpeed.Of(setup.Device, setup.Options.Precision);
        if (speed < Slower)
        {
            yield return new TrainingWarning(nameof(TrainingOptions.Precision), Text(
                $"convolutions in {setup.Options.Precision} run at {speed:0.00} times the speed of float32 on {setup.Device}. Use Float32, "
                    + $"or Best to choose by a measurement."));
        }
    }

    private static Precision? Saved(TrainerSetup setup)
    {
        if (setup.Options.RunFolder is not { } folder)
        {
            return null;
        }

        using CheckpointStore store = new(Path.Combine(folder, CheckpointFiles.Folder));
        return store.ReadLatestManifest()?.Options.Precision is { } saved && setup.Device.Supports(saved) ? saved : null;
    }

    private static string Text(InvariantText text) => text.ToString();
}

namespace Diffusion.Training;

/// <summary>The definite precision of a run, in place of <see cref="Diffusion.Precision.Best"/>, which its checkpoints record.</summary>
/// <param name="Precision">The precision.</param>
/// <param name="Speed">
/// How many times as fast as float32 the device computes in it. Null for float32, where another training prevents the measurement, and in
/// processes other than the first.
/// </param>
internal sealed record PrecisionChoice(Precision Precision, double? Speed)
{
    private const double Slower = 1 / PrecisionSpeed.WorthIt;

    /// <summary>The definite precision of a run: that of the run that it resumes, else the fastest one of the device of rank 0.</summary>
    /// <remarks>Measures before the run has its parameters, which set the switch of TF32 that a measurement needs.</remarks>
    /// <param name="setup">The run.</param>
    public static PrecisionChoice Of(TrainerSetup setup)
    {
        Precision asked = setup.Options.Precision;
        bool isFirst = setup.Processes is null or { IsFirst: true };
        Precision own = asked != Precision.Best || !isFirst ? asked : Saved(setup) ?? PrecisionSpeed.BestOf(setup.Device);
        double? speed = isFirst && own != Precision.Float32 ? PrecisionSpeed.OfOrNull(setup.Device, own) : null;
        if (setup.Processes is not { } processes)
        {
            return new PrecisionChoice(own, speed);
        }

        // Also where this process does not ask: another one may, and all must take part.
        processes.Group.Barrier(processes.Options.PauseDeadline);
        long first = new RankExchange(processes.Group, setup.Device.Activate()).Gather([(long)own])[0][0];
        return new PrecisionChoice(asked == Precision.Best ? (Precision)first : asked, speed);
    }

    /// <summary>A warning if the chosen precision is slower on the device than float32; usually empty.</summary>
    /// <param name="device">The device of the run.</param>
    public IEnumerable<TrainingWarning> Warnings(ComputeDevice device)
    {
        if (Speed < Slower)
        {
            yield return new TrainingWarning(nameof(TrainingOptions.Precision), Text(
                $"convolutions in {Precision} run at {Speed:0.00} times the speed of float32 on {device}. Use Float32, or Best to choose "
                    + $"by a measurement."));
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

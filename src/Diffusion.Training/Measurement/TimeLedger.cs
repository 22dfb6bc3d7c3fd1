namespace Diffusion.Training;

/// <summary>What the parts of the training loop take each time, training steps aside.</summary>
internal sealed class TimeLedger(TimeProvider time)
{
    private readonly Dictionary<(string Part, long EverySteps, bool AlsoAtEnd), (TimeSpan Time, int Times)> pauses = [];
    private long last = time.GetTimestamp();

    /// <summary>The mean time of each part, and how often it comes.</summary>
    public IReadOnlyList<PeriodicCost> Pauses =>
        [.. pauses.Select(pause => new PeriodicCost(pause.Key.EverySteps, pause.Value.Time / pause.Value.Times, pause.Key.AlsoAtEnd))];

    /// <summary>A training step ends here.</summary>
    public void EndStep() => last = time.GetTimestamp();

    /// <summary>A part ends here that began where the one before ended.</summary>
    /// <param name="part">Its name.</param>
    /// <param name="everySteps">After how many steps it comes again.</param>
    /// <param name="alsoAtEnd">Whether it comes after the last step, too.</param>
    public void End(string part, long everySteps, bool alsoAtEnd)
    {
        long now = time.GetTimestamp();
        (TimeSpan sum, int times) = pauses.GetValueOrDefault((part, everySteps, alsoAtEnd));
        pauses[(part, everySteps, alsoAtEnd)] = (sum + time.GetElapsedTime(last, now), times + 1);
        last = now;
    }
}

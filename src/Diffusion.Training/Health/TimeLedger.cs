namespace Diffusion.Training;

/// <summary>What the parts of the training loop take each time, training steps aside.</summary>
internal sealed class TimeLedger(TimeProvider time)
{
    private readonly Dictionary<(string Part, long EverySteps), (TimeSpan Time, int Times)> pauses = [];
    private long last = time.GetTimestamp();

    /// <summary>The mean time of each part, and how often it comes.</summary>
    public IReadOnlyList<(long EverySteps, TimeSpan Time)> Pauses =>
        [.. pauses.Select(pause => (pause.Key.EverySteps, pause.Value.Time / pause.Value.Times))];

    /// <summary>A training step ends here.</summary>
    public void EndStep() => last = time.GetTimestamp();

    /// <summary>A part ends here that began where the one before ended.</summary>
    /// <param name="part">Its name.</param>
    /// <param name="everySteps">After how many steps it comes again.</param>
    public void End(string part, long everySteps)
    {
        long now = time.GetTimestamp();
        (TimeSpan sum, int times) = pauses.GetValueOrDefault((part, everySteps));
        pauses[(part, everySteps)] = (sum + time.GetElapsedTime(last, now), times + 1);
        last = now;
    }
}

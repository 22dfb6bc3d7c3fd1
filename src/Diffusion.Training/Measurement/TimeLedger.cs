namespace Diffusion.Training;

/// <summary>The time that the parts of the training loop take, except training steps.</summary>
internal sealed class TimeLedger(TimeProvider time)
{
    private readonly Dictionary<(string Part, long EverySteps, bool AlsoAtEnd), (TimeSpan Time, int Times)> pauses = [];
    private long last = time.GetTimestamp();

    /// <summary>The mean time of each part, and how often it runs.</summary>
    public IReadOnlyList<PeriodicCost> Pauses =>
        [.. pauses.Select(pause => new PeriodicCost(pause.Key.EverySteps, pause.Value.Time / pause.Value.Times, pause.Key.AlsoAtEnd))];

    /// <summary>Ends a training step.</summary>
    public void EndStep() => last = time.GetTimestamp();

    /// <summary>Ends a part that started when the previous one ended.</summary>
    /// <param name="part">The name of the part.</param>
    /// <param name="everySteps">The number of steps after which the part runs again.</param>
    /// <param name="alsoAtEnd">Whether the part also runs after the last step.</param>
    public void End(string part, long everySteps, bool alsoAtEnd)
    {
        long now = time.GetTimestamp();
        (TimeSpan sum, int times) = pauses.GetValueOrDefault((part, everySteps, alsoAtEnd));
        pauses[(part, everySteps, alsoAtEnd)] = (sum + time.GetElapsedTime(last, now), times + 1);
        last = now;
    }
}

namespace Diffusion.Training;

/// <summary>How processes find each other, and how long they wait for each other.</summary>
public sealed record ProcessGroupOptions
{
    internal static readonly TimeSpan DefaultDeadline = TimeSpan.FromSeconds(60);

    /// <summary>The library that carries tensors. Default <see cref="ProcessGroupEngine.Auto"/>.</summary>
    public ProcessGroupEngine Engine { get; init; } = ProcessGroupEngine.Auto;

    /// <summary>How long an operation may take, over 0. Default 60 seconds.</summary>
    public TimeSpan Deadline { get; init; } = DefaultDeadline;

    /// <summary>How long to wait at the start until every process has connected, over 0. Default 5 minutes.</summary>
    public TimeSpan StartDeadline { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How long to try at the start while the machine of rank 0 cannot be reached: its name is unknown, there is no route to it, or it does
    /// not answer at all; over 0. A machine that refuses the connection is reached, and its process may come later, within
    /// <see cref="StartDeadline"/>. After an error at the start, rank 0 tells it to processes that come within this time. Default 8
    /// seconds; raise it where machines or their names appear at different times.
    /// </summary>
    public TimeSpan ReachDeadline { get; init; } = TimeSpan.FromSeconds(8);

    /// <summary>
    /// A process that sends no heartbeat for this long counts as frozen; at least 2 seconds. Every process sends one twice a second.
    /// Default 7 seconds. Raise it to stop at breakpoints.
    /// </summary>
    public TimeSpan MaxSilence { get; init; } = TimeSpan.FromSeconds(7);

    internal void Check()
    {
        CheckPositive(Deadline, nameof(Deadline), TimeSpan.Zero, "over 0");
        CheckPositive(StartDeadline, nameof(StartDeadline), TimeSpan.Zero, "over 0");
        CheckPositive(ReachDeadline, nameof(ReachDeadline), TimeSpan.Zero, "over 0");
        CheckPositive(MaxSilence, nameof(MaxSilence), TimeSpan.FromSeconds(2) - TimeSpan.FromTicks(1), "at least 2 seconds");
    }

    private static void CheckPositive(TimeSpan value, string name, TimeSpan over, string range)
    {
        if (value <= over || value.TotalMilliseconds > int.MaxValue)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}, but must be {range} and below 24 days.");
        }
    }
}

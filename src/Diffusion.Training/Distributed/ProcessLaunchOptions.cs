namespace Diffusion.Training;

/// <summary>What <see cref="ProcessLauncher"/> starts, and how often.</summary>
public sealed record ProcessLaunchOptions
{
    /// <summary>How many processes, at least 1.</summary>
    public required int Processes { get; init; }

    /// <summary>The program and its arguments.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>
    /// How the processes find each other. Default <see cref="ProcessGroupEngine.Mpi"/>: <c>mpirun</c> starts them. Otherwise they get the
    /// variables that <c>torchrun</c> sets.
    /// </summary>
    public ProcessGroupEngine Engine { get; init; } = ProcessGroupEngine.Mpi;

    /// <summary>How often all processes start again after a failure. Default 0.</summary>
    public int MaxRestarts { get; init; }

    /// <summary>
    /// How long processes may take to save and end after a signal, to them or to the launcher, before they are killed. Default 30 seconds.
    /// </summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(30);

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Processes, 1, nameof(Processes));
        ArgumentOutOfRangeException.ThrowIfNegative(MaxRestarts, nameof(MaxRestarts));
        ArgumentOutOfRangeException.ThrowIfLessThan(Grace, TimeSpan.Zero, nameof(Grace));
        ArgumentNullException.ThrowIfNull(Command);
        if (Command.Count == 0)
        {
            throw new ArgumentException("Command is empty. Name the program to start.", nameof(Command));
        }
    }
}

namespace Diffusion.Training;

/// <summary>Which of the processes that train together this one is, as its launcher tells it by environment variables.</summary>
/// <param name="Launcher">What started it: <c>torchrun</c>, <c>Open MPI</c>, <c>MPICH</c>, <c>SLURM</c>, or <c>none</c>.</param>
/// <param name="Rank">Its number, from 0.</param>
/// <param name="WorldSize">How many processes there are, at least 1.</param>
/// <param name="LocalRank">Its number among those of its machine, from 0.</param>
/// <param name="MasterAddress">The host of rank 0; null where the launcher does not say.</param>
/// <param name="MasterPort">A port of that host for the processes to meet at; null where the launcher does not say.</param>
public sealed record ProcessPlace(
    string Launcher, int Rank, int WorldSize, int LocalRank, string? MasterAddress = null, int? MasterPort = null)
{
    /// <summary>The place of a process that no launcher started: the only one.</summary>
    public static ProcessPlace Alone { get; } = new("none", 0, 1, 0);

    /// <summary>How many of the processes run on its machine; null where the launcher does not say.</summary>
    public int? LocalWorldSize { get; init; }

    /// <summary>Whether <c>mpirun</c> or <c>mpiexec</c> started the process.</summary>
    internal bool IsOfMpi => Launcher is LaunchVariables.OpenMpi or LaunchVariables.Mpich;

    /// <summary>Reads the place of this process.</summary>
    /// <exception cref="DistributedException">A variable is missing, no number or out of range, or launchers disagree.</exception>
    public static ProcessPlace Read() => Read(Environment.GetEnvironmentVariable);

    /// <summary>Reads a place from other variables than those of this process.</summary>
    /// <param name="variable">The value of a variable; null if it is not set.</param>
    /// <returns>The place, <see cref="Alone"/> if no launcher has set its variables.</returns>
    /// <exception cref="DistributedException">A variable is missing, no number or out of range, or launchers disagree.</exception>
    public static ProcessPlace Read(Func<string, string?> variable)
    {
        ArgumentNullException.ThrowIfNull(variable);
        ProcessPlace? chosen = null;
        foreach (LaunchVariables launcher in LaunchVariables.All)
        {
            if (launcher.Read(variable) is not { } place)
            {
                continue;
            }

            chosen ??= place;
            if ((place.Rank, place.WorldSize) != (chosen.Rank, chosen.WorldSize))
            {
                throw new DistributedException(
                    $"The variables of {chosen.Launcher} say rank {chosen.Rank} of {chosen.WorldSize}, but those of {place.Launcher} say "
                        + $"rank {place.Rank} of {place.WorldSize}. Unset the variables of the launcher that did not start this process.");
            }
        }

        return chosen ?? Alone;
    }
}

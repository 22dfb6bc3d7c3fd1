using System.Net.Sockets;

namespace Diffusion.Training;

/// <summary>The connections of the processes of a group to rank 0, and what rank 0 told all.</summary>
/// <param name="Connections">By rank: on rank 0 all others, elsewhere rank 0.</param>
/// <param name="Shared">What rank 0 told all.</param>
internal sealed record Meeting(ControlConnection?[] Connections, ReadOnlyMemory<byte> Shared)
{
    /// <summary>Meets the other processes at a place that rank 0 tells them by MPI.</summary>
    /// <param name="mpi">The library, after its start.</param>
    /// <param name="place">The place of this process.</param>
    /// <param name="engine">The name and version of the engine.</param>
    /// <param name="shared">Makes what rank 0 tells all; called on rank 0.</param>
    /// <param name="options">How long to wait.</param>
    /// <exception cref="DistributedException">A process is missing or differs.</exception>
    public static Meeting ByMpi(
        MpiLibrary mpi, ProcessPlace place, string engine, Func<ReadOnlyMemory<byte>> shared, ProcessGroupOptions options)
    {
        using Socket? listener = place.Rank == 0 ? Rendezvous.Listen(port: 0) : null;
        MpiMeetingPoint point = MpiMeetingPoint.Share(mpi, listener);
        return Meet(listener, point.Hosts, point.Port, RankIdentity.OfThis(place, point.Token, engine), shared, options);
    }

    /// <summary>Meets the other processes at the address and port that the launcher gives.</summary>
    /// <param name="place">The place of this process.</param>
    /// <param name="engine">The name and version of the engine.</param>
    /// <param name="shared">Makes what rank 0 tells all; called on rank 0.</param>
    /// <param name="options">How long to wait.</param>
    /// <exception cref="DistributedException">There is no address, or a process is missing or differs.</exception>
    public static Meeting ByAddress(ProcessPlace place, string engine, Func<ReadOnlyMemory<byte>> shared, ProcessGroupOptions options)
    {
        if (place.WorldSize == 1)
        {
            return new Meeting([null], shared());
        }

        if (place is not { MasterAddress: { } host, MasterPort: { } port })
        {
            throw new DistributedException(
                $"{place.Launcher} started this process as rank {place.Rank} of {place.WorldSize}, but "
                    + $"{(place.MasterAddress is null ? "MASTER_ADDR" : "MASTER_PORT")} is not set. Set MASTER_ADDR to the host of rank 0, "
                    + "and MASTER_PORT to a free port of it.");
        }

        using Socket? listener = place.Rank == 0 ? Rendezvous.Listen(port) : null;
        return Meet(listener, [host], port, RankIdentity.OfThis(place, Job(), engine), shared, options);
    }

    // Processes of another job, or of an earlier start of this one, are not mistaken for those of this group.
    private static string Job() => string.Join('/', Array.ConvertAll(
        ["TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT", "SLURM_JOB_ID"], Environment.GetEnvironmentVariable));

    private static Meeting Meet(
        Socket? listener, IReadOnlyList<string> hosts, int port, RankIdentity identity, Func<ReadOnlyMemory<byte>> shared,
        ProcessGroupOptions options)
    {
        if (listener is not null)
        {
            ReadOnlyMemory<byte> told = shared();
            return new Meeting(Rendezvous.Accept(listener, identity, told, options.StartDeadline), told);
        }

        (ControlConnection connection, ReadOnlyMemory<byte> received) = Rendezvous.Join(hosts, port, identity, options);
        return new Meeting([connection], received);
    }
}

using System.Net.Sockets;

namespace Diffusion.Training;

/// <summary>The connections of the processes of a group to rank 0, and what rank 0 told all.</summary>
/// <param name="Connections">By rank: on rank 0 all others, elsewhere rank 0.</param>
/// <param name="Shared">What rank 0 told all.</param>
internal sealed record Meeting(ControlConnection?[] Connections, ReadOnlyMemory<byte> Shared)
{
    /// <summary>Whether MPI tells the processes where rank 0 listens: it has started them, and no variables say where.</summary>
    /// <param name="place">The place of this process.</param>
    /// <param name="engine">The engine that is asked for.</param>
    public static bool IsByMpi(ProcessPlace place, ProcessGroupEngine engine) => place.IsOfMpi
        && (engine == ProcessGroupEngine.Mpi || place.MasterAddress is null || place.MasterPort is null);

    /// <summary>Meets the other processes at a place that rank 0 tells them by MPI.</summary>
    /// <param name="mpi">The library, after its start.</param>
    /// <param name="place">The place of this process.</param>
    /// <param name="engine">The name and version of the engine.</param>
    /// <param name="shared">Makes what rank 0 tells all; called on rank 0.</param>
    /// <param name="options">How long to wait.</param>
    /// <exception cref="DistributedException">A process is missing, differs or cannot join.</exception>
    public static Meeting ByMpi(
        MpiLibrary mpi, ProcessPlace place, string engine, Func<ReadOnlyMemory<byte>> shared, ProcessGroupOptions options)
    {
        if (place.Rank > 0)
        {
            MpiMeetingPoint told = MpiMeetingPoint.Hear(mpi);
            return Join(told.Hosts, told.Port, RankIdentity.OfThis(place, told.Token, engine), options);
        }

        (Socket listener, MpiMeetingPoint point) = Open(mpi);
        using (listener)
        {
            point.Tell(mpi);
            return Accept(listener, RankIdentity.OfThis(place, point.Token, engine), shared, options);
        }
    }

    /// <summary>Meets the other processes at the address and port that the launcher gives.</summary>
    /// <param name="place">The place of this process.</param>
    /// <param name="engine">The name and version of the engine.</param>
    /// <param name="shared">Makes what rank 0 tells all; called on rank 0.</param>
    /// <param name="options">How long to wait.</param>
    /// <exception cref="DistributedException">There is no address, or a process is missing, differs or cannot join.</exception>
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

        RankIdentity identity = RankIdentity.OfThis(place, Job(), engine);
        if (place.Rank > 0)
        {
            return Join([host], port, identity, options);
        }

        using Socket listener = Rendezvous.Listen(port);
        Rendezvous.CheckOnlyFirst(host, port, identity);
        return Accept(listener, identity, shared, options);
    }

    /// <summary>
    /// Tells the other processes why this one cannot join, so that all of them end with the cause. Gives up after
    /// <see cref="ProcessGroupOptions.ReachDeadline"/>.
    /// </summary>
    /// <param name="place">The place of this process.</param>
    /// <param name="problem">Why it cannot join.</param>
    /// <param name="options">How the processes find each other.</param>
    public static void Refuse(ProcessPlace place, string problem, ProcessGroupOptions options)
    {
        ProcessGroupOptions brief = options with
        {
            StartDeadline = options.ReachDeadline < options.StartDeadline ? options.ReachDeadline : options.StartDeadline,
        };
        try
        {
            if (IsByMpi(place, options.Engine))
            {
                RefuseByMpi(place, problem, brief);
            }
            else if (place is { MasterAddress: { } host, MasterPort: { } port })
            {
                RefuseByAddress(RankIdentity.Refusing(place, Job(), problem), host, port, brief);
            }
        }
        catch (DistributedException)
        {
            // Rank 0 knows the problem now, or cannot be told. This process has its own exception.
        }
    }

    private static void RefuseByMpi(ProcessPlace place, string problem, ProcessGroupOptions options)
    {
        MpiLibrary mpi = MpiLibrary.Start(place);
        if (place.Rank == 0)
        {
            MpiMeetingPoint.Refuse(mpi, RankIdentity.Refusing(place, string.Empty, problem).Refusal!);
            return;
        }

        MpiMeetingPoint point = MpiMeetingPoint.Hear(mpi);
        _ = Rendezvous.Join(point.Hosts, point.Port, RankIdentity.Refusing(place, point.Token, problem), options);
    }

    private static void RefuseByAddress(RankIdentity identity, string host, int port, ProcessGroupOptions options)
    {
        if (identity.Rank > 0)
        {
            _ = Rendezvous.Join([host], port, identity, options);
            return;
        }

        using Socket listener = Rendezvous.Listen(port);
        Rendezvous.Refuse(listener, identity, options);
    }

    // Processes of another job or step, or of an earlier start of this one, are not mistaken for those of this group.
    private static string Job() => string.Join('/', Array.ConvertAll(
        ["TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT", "SLURM_JOB_ID", "SLURM_STEP_ID"], Environment.GetEnvironmentVariable));

    // The others wait for what rank 0 tells them by MPI, so it tells them an error too.
    private static (Socket Listener, MpiMeetingPoint Point) Open(MpiLibrary mpi)
    {
        Socket? listener = null;
        try
        {
            listener = Rendezvous.Listen(port: 0);
            return (listener, MpiMeetingPoint.Of(listener));
        }
        catch (Exception error)
        {
            listener?.Dispose();
            MpiMeetingPoint.Refuse(mpi, $"Rank 0 cannot be found by the others: {error.Message}");
            throw;
        }
    }

    private static Meeting Accept(
        Socket listener, RankIdentity identity, Func<ReadOnlyMemory<byte>> shared, ProcessGroupOptions options)
    {
        ReadOnlyMemory<byte> told;
        try
        {
            told = shared();
        }
        catch (DistributedException error)
        {
            Rendezvous.Refuse(listener, identity with { Problem = error.Message }, options);
            throw;
        }

        return new Meeting(Rendezvous.Accept(listener, identity, told, options), told);
    }

    private static Meeting Join(IReadOnlyList<string> hosts, int port, RankIdentity identity, ProcessGroupOptions options)
    {
        (ControlConnection connection, ReadOnlyMemory<byte> received) = Rendezvous.Join(hosts, port, identity, options);
        return new Meeting([connection], received);
    }
}

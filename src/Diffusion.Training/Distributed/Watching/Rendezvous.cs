using System.Net;
using System.Net.Sockets;

namespace Diffusion.Training;

/// <summary>How processes find each other: rank 0 listens, the others connect, and all make sure that they belong together.</summary>
internal static class Rendezvous
{
    private static readonly TimeSpan HelloLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(200);

    /// <summary>Rank 0 listens.</summary>
    /// <param name="port">The port; 0 for any free one.</param>
    /// <exception cref="DistributedException">The port is in use.</exception>
    public static Socket Listen(int port)
    {
        Socket listener = new(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
        try
        {
            listener.Bind(new IPEndPoint(IPAddress.IPv6Any, port));
            listener.Listen(backlog: 1024);
            return listener;
        }
        catch (SocketException error)
        {
            listener.Dispose();
            throw new DistributedException(
                $"Rank 0 cannot listen on port {port}: {error.Message}. Set MASTER_PORT to a free port.", error);
        }
    }

    /// <summary>Rank 0 waits for all others.</summary>
    /// <param name="listener">Where they connect.</param>
    /// <param name="own">What rank 0 is.</param>
    /// <param name="shared">What all are told, such as NCCL's id.</param>
    /// <param name="limit">How long to wait.</param>
    /// <returns>A connection to every rank; null for rank 0.</returns>
    /// <exception cref="DistributedException">A process is missing or differs; those that came are told.</exception>
    public static ControlConnection?[] Accept(Socket listener, RankIdentity own, ReadOnlyMemory<byte> shared, TimeSpan limit)
    {
        ControlConnection?[] ranks = new ControlConnection?[own.WorldSize];
        long until = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        while (ranks.Count(rank => rank is not null) < own.WorldSize - 1)
        {
            long left = until - Environment.TickCount64;
            if (left <= 0 || !listener.Poll(TimeSpan.FromMilliseconds(left), SelectMode.SelectRead))
            {
                string missing = string.Join(", ", Enumerable.Range(1, own.WorldSize - 1).Where(rank => ranks[rank] is null));
                throw Refused(ranks, $"Within {limit.TotalSeconds:F0} s, rank {missing} of {own.WorldSize} did not connect. Is it running, "
                    + "and does it reach the machine of rank 0?");
            }

            ControlConnection connection = new(listener.Accept());
            RankIdentity? identity = connection.ReadOne(HelloLimit) is { Type: ControlMessage.Kind.Hello } hello
                ? RankIdentity.Read(hello.Text)
                : null;
            if (identity is null || identity.Token != own.Token)
            {
                connection.Dispose(); // no process of this job
                continue;
            }

            string? problem = own.Difference(identity)
                ?? (identity.Rank < 1 || identity.Rank >= own.WorldSize || ranks[identity.Rank] is not null
                    ? $"Two processes say that they are rank {identity.Rank}. Start each with its own rank."
                    : null);
            if (problem is not null)
            {
                connection.Send(ControlMessage.Of(ControlMessage.Kind.Failure, problem));
                connection.Dispose();
                throw Refused(ranks, problem);
            }

            ranks[identity.Rank] = connection;
        }

        Array.ForEach(ranks, rank => rank?.Send(new ControlMessage(ControlMessage.Kind.Welcome, shared)));
        return ranks;
    }

    /// <summary>Another rank joins rank 0.</summary>
    /// <param name="hosts">The names or addresses of rank 0's machine, tried in turn.</param>
    /// <param name="port">The port of rank 0.</param>
    /// <param name="own">What this process is.</param>
    /// <param name="options">How long to try.</param>
    /// <returns>The connection, and what rank 0 shares.</returns>
    /// <exception cref="DistributedException">Rank 0 cannot be reached, or a process is missing or differs.</exception>
    public static (ControlConnection Connection, ReadOnlyMemory<byte> Shared) Join(
        IReadOnlyList<string> hosts, int port, RankIdentity own, ProcessGroupOptions options)
    {
        long began = Environment.TickCount64;
        long until = began + (long)options.StartDeadline.TotalMilliseconds;
        long reachUntil = Math.Min(until, began + (long)options.ReachDeadline.TotalMilliseconds);
        using ManualResetEventSlim never = new();
        bool isReached = false;
        string cause = "nothing answered";
        for (int attempt = 0; attempt < hosts.Count || Environment.TickCount64 < (isReached ? until : reachUntil); attempt++)
        {
            ConnectionAttempt tried = ConnectionAttempt.To(hosts[attempt % hosts.Count], port, isReached ? until : reachUntil);
            isReached |= tried.IsReached;
            if (tried.Socket is null)
            {
                cause = tried.Cause;
                never.Wait(RetryAfter);
                continue;
            }

            ControlConnection connection = new(tried.Socket);
            connection.Send(ControlMessage.Of(ControlMessage.Kind.Hello, own.ToString()));
            ControlMessage? answer = connection.ReadOne(TimeSpan.FromMilliseconds(Math.Max(1, until - Environment.TickCount64)));
            if (answer is { Type: ControlMessage.Kind.Welcome } welcome)
            {
                return (connection, welcome.Payload);
            }

            connection.Dispose();
            if (answer is { Type: ControlMessage.Kind.Failure } failure)
            {
                throw new DistributedException(failure.Text);
            }

            cause = "what listens there is not rank 0 of this job";
            never.Wait(RetryAfter); // something else listens there, or rank 0 starts again
        }

        string place = $"{string.Join(" or ", hosts)}, port {port}";
        throw new DistributedException(isReached || until <= reachUntil
            ? $"Rank {own.Rank} could not join rank 0 at {place}, within {options.StartDeadline.TotalSeconds:F0} s: {cause}. Is rank 0 "
                + "running, and does a firewall block the port?"
            : $"Rank {own.Rank} cannot reach the machine of rank 0 at {place}: {cause}. Set MASTER_ADDR to a name or an address that this "
                + "machine reaches, or raise ProcessGroupOptions.ReachDeadline if that machine starts later.");
    }

    private static DistributedException Refused(ControlConnection?[] ranks, string problem)
    {
        foreach (ControlConnection? rank in ranks)
        {
            rank?.Send(ControlMessage.Of(ControlMessage.Kind.Failure, problem));
            rank?.Dispose();
        }

        return new DistributedException(problem);
    }
}

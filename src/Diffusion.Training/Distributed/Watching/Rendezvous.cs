using System.Net;
using System.Net.Sockets;

namespace Diffusion.Training;

/// <summary>How processes find each other: rank 0 listens, the others connect, and all make sure that they belong together.</summary>
internal static class Rendezvous
{
    private static readonly TimeSpan HelloLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan OtherFirstLimit = TimeSpan.FromSeconds(2);

    /// <summary>Rank 0 listens.</summary>
    /// <param name="port">The port; 0 for any free one.</param>
    /// <exception cref="DistributedException">The port is in use, or there is no network.</exception>
    public static Socket Listen(int port) => Listen(port, Socket.OSSupportsIPv6);

    /// <summary>Rank 0 listens.</summary>
    /// <param name="port">The port; 0 for any free one.</param>
    /// <param name="hasIPv6">Whether to listen by IPv6 too.</param>
    /// <exception cref="DistributedException">The port is in use, or there is no network.</exception>
    internal static Socket Listen(int port, bool hasIPv6)
    {
        Socket? listener = null;
        try
        {
            listener = hasIPv6
                ? new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true }
                : new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            listener.Bind(new IPEndPoint(hasIPv6 ? IPAddress.IPv6Any : IPAddress.Any, port));
            listener.Listen(backlog: 1024);
            return listener;
        }
        catch (SocketException error)
        {
            listener?.Dispose();
            throw new DistributedException(
                $"Rank 0 cannot listen on port {port}: {error.Message}. Set MASTER_PORT to a free port.", error);
        }
    }

    /// <summary>Rank 0 waits for all others.</summary>
    /// <param name="listener">Where they connect.</param>
    /// <param name="own">What rank 0 is.</param>
    /// <param name="shared">What all are told, such as NCCL's id.</param>
    /// <param name="options">How long to wait.</param>
    /// <returns>A connection to every rank; null for rank 0.</returns>
    /// <exception cref="DistributedException">
    /// A process is missing, differs or cannot join. Those that came are told, and for a while those that come later.
    /// </exception>
    public static ControlConnection?[] Accept(
        Socket listener, RankIdentity own, ReadOnlyMemory<byte> shared, ProcessGroupOptions options)
    {
        ControlConnection?[] ranks = new ControlConnection?[own.WorldSize];
        long until = Environment.TickCount64 + (long)options.StartDeadline.TotalMilliseconds;
        while (ranks.Count(rank => rank is not null) < own.WorldSize - 1)
        {
            if (Next(listener, own, until) is not { } next)
            {
                string missing = string.Join(", ", Enumerable.Range(1, own.WorldSize - 1).Where(rank => ranks[rank] is null));
                string problem = $"Within {options.StartDeadline.TotalSeconds:F0} s, rank {missing} of {own.WorldSize} did not connect. Is "
                    + "it running, and does it reach the machine of rank 0?";
                Array.ForEach(ranks, rank => Refuse(rank, problem));
                throw new DistributedException(problem);
            }

            (RankIdentity identity, ControlConnection connection) = next;
            if (ProblemOf(own, identity, ranks) is { } difference)
            {
                ControlConnection[] came = [.. ranks.OfType<ControlConnection>(), connection];
                Array.ForEach(came, one => Refuse(one, difference));
                RefuseLater(listener, own, difference, Math.Max(own.WorldSize, identity.WorldSize) - 1 - came.Length, options);
                throw new DistributedException(difference);
            }

            ranks[identity.Rank] = connection;
        }

        Array.ForEach(ranks, rank => rank?.Send(new ControlMessage(ControlMessage.Kind.Welcome, shared)));
        return ranks;
    }

    /// <summary>Rank 0 tells the others why there will be no group: all of them, or those that come soon.</summary>
    /// <param name="listener">Where they connect.</param>
    /// <param name="own">What rank 0 is, with its problem.</param>
    /// <param name="options">How long to wait for them: as long as for a machine that cannot be reached.</param>
    public static void Refuse(Socket listener, RankIdentity own, ProcessGroupOptions options) =>
        RefuseLater(listener, own, own.Refusal!, own.WorldSize - 1, options);

    /// <summary>
    /// Rank 0 makes sure that the others do not find another rank 0 where they connect to, on another machine than this one.
    /// </summary>
    /// <param name="host">The name or address of rank 0's machine.</param>
    /// <param name="port">The port of rank 0.</param>
    /// <param name="own">What this process is.</param>
    /// <exception cref="DistributedException">There is one; it refuses this process.</exception>
    public static void CheckOnlyFirst(string host, int port, RankIdentity own)
    {
        ConnectionAttempt tried = ConnectionAttempt.To(host, port, Environment.TickCount64 + (long)OtherFirstLimit.TotalMilliseconds);
        if (tried.Socket is not { } socket)
        {
            return;
        }

        using ControlConnection connection = new(socket);
        if (!IsOfThisMachine(socket))
        {
            CheckOnlyFirst(connection, own);
        }
    }

    /// <summary>Rank 0 asks what listens at the address of rank 0. It may be this process itself, by way of a proxy: no answer comes.
    /// </summary>
    /// <param name="connection">The connection to that address.</param>
    /// <param name="own">What this process is.</param>
    /// <exception cref="DistributedException">It is another rank 0.</exception>
    internal static void CheckOnlyFirst(ControlConnection connection, RankIdentity own)
    {
        connection.Send(ControlMessage.Of(ControlMessage.Kind.Hello, own.ToString()));
        if (connection.ReadOne(OtherFirstLimit) is { Type: ControlMessage.Kind.Failure } failure)
        {
            throw new DistributedException(failure.Text);
        }
    }

    /// <summary>Another rank joins rank 0.</summary>
    /// <param name="hosts">The names or addresses of rank 0's machine, tried in turn.</param>
    /// <param name="port">The port of rank 0.</param>
    /// <param name="own">What this process is.</param>
    /// <param name="options">How long to try.</param>
    /// <returns>The connection, and what rank 0 shares.</returns>
    /// <exception cref="DistributedException">Rank 0 cannot be reached, or a process is missing, differs or cannot join.</exception>
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

    private static string? ProblemOf(RankIdentity own, RankIdentity other, ControlConnection?[] ranks)
    {
        if ((other.Refusal ?? own.Difference(other)) is { } problem)
        {
            return problem;
        }

        bool isFree = other.Rank >= 1 && other.Rank < own.WorldSize && ranks[other.Rank] is null;
        return isFree ? null : $"Two processes say that they are rank {other.Rank}. Start each with its own rank.";
    }

    // The next process of this job that connects; null if none does in time.
    private static (RankIdentity Identity, ControlConnection Connection)? Next(Socket listener, RankIdentity own, long until)
    {
        while (true)
        {
            long left = until - Environment.TickCount64;
            if (left <= 0)
            {
                return null;
            }

            if (!listener.Poll(TimeSpan.FromMilliseconds(Math.Min(left, ControlConnection.PollMilliseconds)), SelectMode.SelectRead))
            {
                continue;
            }

            ControlConnection connection = new(listener.Accept());
            RankIdentity? identity = connection.ReadOne(HelloLimit) is { Type: ControlMessage.Kind.Hello } hello
                ? RankIdentity.Read(hello.Text)
                : null;
            if (identity is not null && identity.Token == own.Token && identity.Process != own.Process)
            {
                return (identity, connection);
            }

            connection.Dispose(); // no other process of this job
        }
    }

    private static void RefuseLater(Socket listener, RankIdentity own, string problem, int count, ProcessGroupOptions options)
    {
        long until = Environment.TickCount64 + (long)options.ReachDeadline.TotalMilliseconds;
        for (int told = 0; told < count && Next(listener, own, until) is { } late; told++)
        {
            Refuse(late.Connection, problem);
        }
    }

    private static void Refuse(ControlConnection? connection, string problem)
    {
        connection?.Send(ControlMessage.Of(ControlMessage.Kind.Failure, problem));
        connection?.Dispose();
    }

    // The system connects an address of this machine from that address.
    private static bool IsOfThisMachine(Socket socket)
    {
        IPAddress remote = AddressOf(socket.RemoteEndPoint);
        return IPAddress.IsLoopback(remote) || remote.Equals(AddressOf(socket.LocalEndPoint));
    }

    private static IPAddress AddressOf(EndPoint? end)
    {
        IPAddress address = ((IPEndPoint)end!).Address;
        return address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
    }
}

using System.Buffers.Binary;
using System.Net.Sockets;

namespace Diffusion.Training;

/// <summary>A TCP connection that carries <see cref="ControlMessage"/>s between rank 0 and another process.</summary>
internal sealed class ControlConnection : IDisposable
{
    private const int HeaderBytes = 5;
    private const int MaxPayloadBytes = 64 << 10;

    /// <summary>How long a socket is polled at a time: the system allows little more than half an hour.</summary>
    public const int PollMilliseconds = 60_000;

    private readonly Lock sending = new();
    private byte[] received = new byte[4096];
    private int count;

    public ControlConnection(Socket socket)
    {
        Socket = socket;
        socket.NoDelay = true;
        socket.SendTimeout = (int)TimeSpan.FromSeconds(5).TotalMilliseconds;
    }

    /// <summary>The socket, to wait on.</summary>
    public Socket Socket { get; }

    /// <summary>Waits until a message comes over one of several connections.</summary>
    /// <param name="connections">The connections by rank; null for those that do not exist.</param>
    /// <param name="limit">How long to wait.</param>
    /// <returns>The messages, each with its rank; null for a connection that was lost, after all messages.</returns>
    public static List<(int Rank, ControlMessage? Message)> Listen(ControlConnection?[] connections, TimeSpan limit)
    {
        List<Socket> readable = [.. connections.OfType<ControlConnection>().Select(connection => connection.Socket)];
        if (readable.Count == 0)
        {
            using ManualResetEventSlim never = new();
            never.Wait(limit); // a process that is alone
            return [];
        }

        Socket.Select(readable, null, null, limit);
        List<(int, ControlMessage?)> news = [];
        for (int rank = 0; rank < connections.Length; rank++)
        {
            if (connections[rank] is { } connection && readable.Contains(connection.Socket))
            {
                List<ControlMessage> messages = [];
                bool isOpen = connection.Read(messages);
                news.AddRange(messages.Select(message => (rank, (ControlMessage?)message)));
                if (!isOpen)
                {
                    news.Add((rank, null));
                }
            }
        }

        // Losses last: what a process said before it ended explains more.
        return [.. news.OrderBy(one => one.Item2 is null)];
    }

    /// <summary>Sends a message; a lost connection shows itself to the reader.</summary>
    public void Send(ControlMessage message)
    {
        byte[] frame = new byte[HeaderBytes + message.Payload.Length];
        frame[0] = (byte)message.Type;
        BinaryPrimitives.WriteInt32LittleEndian(frame.AsSpan(1), message.Payload.Length);
        message.Payload.Span.CopyTo(frame.AsSpan(HeaderBytes));
        lock (sending)
        {
            try
            {
                for (int sent = 0; sent < frame.Length;)
                {
                    sent += Socket.Send(frame.AsSpan(sent));
                }
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                // The other process is gone or frozen. The reader of the connection finds that and says so.
            }
        }
    }

    /// <summary>Reads what has arrived, after the socket has become readable.</summary>
    /// <param name="messages">Receives the complete messages.</param>
    /// <returns>False if the other side has closed the connection, or sends what is no message.</returns>
    public bool Read(List<ControlMessage> messages)
    {
        try
        {
            if (count == received.Length)
            {
                Array.Resize(ref received, received.Length * 2);
            }

            int read = Socket.Receive(received.AsSpan(count));
            count += read;
            return read > 0 && Split(messages);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>Waits for one message.</summary>
    /// <returns>Null if none arrived in time, or the connection was lost.</returns>
    public ControlMessage? ReadOne(TimeSpan limit)
    {
        List<ControlMessage> messages = [];
        long until = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        while (messages.Count == 0)
        {
            long left = until - Environment.TickCount64;
            if (left <= 0)
            {
                return null;
            }

            if (Socket.Poll(TimeSpan.FromMilliseconds(Math.Min(left, PollMilliseconds)), SelectMode.SelectRead) && !Read(messages))
            {
                return null;
            }
        }

        return messages[0];
    }

    /// <summary>Closes it after the other side has read everything, or after the limit.</summary>
    public void Close(TimeSpan limit)
    {
        try
        {
            Socket.Shutdown(SocketShutdown.Send);
            List<ControlMessage> ignored = [];
            while (Socket.Poll(limit, SelectMode.SelectRead) && Read(ignored))
            {
                ignored.Clear();
            }
        }
        catch (SocketException)
        {
            // The other side has closed it.
        }

        Socket.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose() => Socket.Dispose();

    private bool Split(List<ControlMessage> messages)
    {
        int at = 0;
        while (count - at >= HeaderBytes)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(received.AsSpan(at + 1));
            if (length is < 0 or > MaxPayloadBytes)
            {
                return false;
            }

            if (count - at < HeaderBytes + length)
            {
                break;
            }

            messages.Add(new ControlMessage(
                (ControlMessage.Kind)received[at], received.AsMemory(at + HeaderBytes, length).ToArray()));
            at += HeaderBytes + length;
        }

        received.AsSpan(at, count - at).CopyTo(received);
        count -= at;
        return true;
    }
}

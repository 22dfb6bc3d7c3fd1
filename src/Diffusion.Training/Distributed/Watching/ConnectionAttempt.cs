using System.Net.Sockets;

namespace Diffusion.Training;

/// <summary>One attempt to connect to a machine.</summary>
/// <param name="Socket">The connection; null without one.</param>
/// <param name="IsReached">Whether the machine answered, be it by refusing the connection.</param>
/// <param name="Cause">Why there is no connection.</param>
internal sealed record ConnectionAttempt(Socket? Socket, bool IsReached, string Cause)
{
    private const int MaxMilliseconds = 5000;

    /// <summary>Connects to a port of a machine.</summary>
    /// <param name="host">Its name or address.</param>
    /// <param name="port">The port.</param>
    /// <param name="until">When to give up, by <see cref="Environment.TickCount64"/>; five seconds from now at the latest.</param>
    public static ConnectionAttempt To(string host, int port, long until)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            using CancellationTokenSource limit = new((int)Math.Clamp(until - Environment.TickCount64, 1, MaxMilliseconds));
            socket.ConnectAsync(host, port, limit.Token).AsTask().GetAwaiter().GetResult();
            return new ConnectionAttempt(socket, IsReached: true, string.Empty);
        }
        catch (Exception error) when (error is SocketException or OperationCanceledException)
        {
            socket.Dispose();
            return error is SocketException { SocketErrorCode: var code }
                ? new ConnectionAttempt(null, code is SocketError.ConnectionRefused or SocketError.ConnectionReset, error.Message)
                : new ConnectionAttempt(null, IsReached: false, "the machine does not answer");
        }
    }
}

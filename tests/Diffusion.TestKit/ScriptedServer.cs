using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Diffusion.TestKit;

/// <summary>The request of a client.</summary>
/// <param name="Path">The path with its query.</param>
/// <param name="From">The first requested byte; null for the whole file.</param>
/// <param name="IfRange">The version of the requested part.</param>
public sealed record ServerRequest(string Path, long? From, string? IfRange)
{
    /// <summary>The last requested byte; null for the last byte of the file.</summary>
    public long? To { get; init; }

    /// <summary>The version that the client already has.</summary>
    public string? IfNoneMatch { get; init; }
}

/// <summary>The answer of a server, and how it fails.</summary>
public sealed record ServerReply
{
    public int Status { get; init; } = 200;

    public IReadOnlyList<string> Headers { get; init; } = [];

    public byte[] Body { get; init; } = [];

    /// <summary>The value of Content-Length; null for the actual length.</summary>
    public long? ClaimedLength { get; init; }

    /// <summary>Sends the body in chunks and without a length.</summary>
    public bool Chunked { get; init; }

    /// <summary>Sends only this many bytes of the body, then closes the connection; null for all.</summary>
    public int? DropAfter { get; init; }

    /// <summary>Then sends nothing, but keeps the connection open until the client closes it.</summary>
    public bool Stall { get; init; }

    /// <summary>Sends nothing before this task has completed.</summary>
    public Task After { get; init; } = Task.CompletedTask;

    /// <summary>Sent instead of everything.</summary>
    public string? Raw { get; init; }
}

/// <summary>A server on this machine whose answers a test writes. Each answer closes its connection.</summary>
public sealed class ScriptedServer : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource end = new();
    private readonly ConcurrentQueue<ServerRequest> requests = new();
    private readonly ConcurrentQueue<string[]> requestHeaders = new();
    private readonly Func<ServerRequest, int, ServerReply> script;
    private readonly Lock gate = new();
    private long bodyBytes;

    /// <summary>Starts a server that answers request n, counted from 0, with the script.</summary>
    public ScriptedServer(Func<ServerRequest, int, ServerReply> script)
    {
        this.script = script;
        listener.Start();
        _ = Accept();
    }

    /// <summary>Called when a stall has begun.</summary>
    public Action Stalled { get; set; } = () => { };

    public IReadOnlyList<ServerRequest> Requests => [.. requests];

    /// <summary>The headers of each request, one <c>Name: value</c> to a line.</summary>
    public IReadOnlyList<string[]> RequestHeaders => [.. requestHeaders];

    /// <summary>The number of file bytes that were sent.</summary>
    public long BodyBytes => Interlocked.Read(ref bodyBytes);

    public Uri Address(string path) =>
        new($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture)}/{path}");

    public void Dispose()
    {
        end.Cancel();
        listener.Dispose();
    }

    private async Task Accept()
    {
        while (!end.IsCancellationRequested)
        {
            try
            {
                _ = Serve(await listener.AcceptTcpClientAsync(end.Token));
            }
            catch (Exception problem) when (problem is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task Serve(TcpClient connection)
    {
        using (connection)
        {
            try
            {
                NetworkStream stream = connection.GetStream();
                (ServerRequest request, string[] headers) = await ReadRequest(stream);
                await Answer(stream, request, headers);
                connection.Client.Shutdown(SocketShutdown.Send);
                await stream.CopyToAsync(Stream.Null, end.Token);
            }
            catch (Exception problem) when (
                problem is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // The client has closed the connection.
            }
        }
    }

    private static async Task<(ServerRequest Request, string[] Headers)> ReadRequest(NetworkStream stream)
    {
        StringBuilder text = new();
        byte[] piece = new byte[4096];
        while (!text.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            int read = await stream.ReadAsync(piece);
            if (read == 0)
            {
                throw new IOException("The client closed the connection within its request.");
            }

            text.Append(Encoding.ASCII.GetString(piece, 0, read));
        }

        string[] lines = text.ToString().Split("\r\n");
        string[]? range = Header(lines, "Range")?["bytes=".Length..].Split('-');
        ServerRequest request = new(lines[0].Split(' ')[1], Number(range?[0]), Header(lines, "If-Range"))
        {
            To = Number(range?[1]),
            IfNoneMatch = Header(lines, "If-None-Match"),
        };
        return (request, lines[1..]);
    }

    private static long? Number(string? text) => string.IsNullOrEmpty(text) ? null : long.Parse(text, CultureInfo.InvariantCulture);

    private static string? Header(string[] lines, string name) =>
        Array.Find(lines, line => line.StartsWith(name + ": ", StringComparison.OrdinalIgnoreCase))?[(name.Length + 2)..];

    private async Task Answer(NetworkStream stream, ServerRequest request, string[] headers)
    {
        ServerReply reply;
        lock (gate)
        {
            reply = script(request, requests.Count);
            requests.Enqueue(request);
            requestHeaders.Enqueue(headers);
        }

        await reply.After.WaitAsync(end.Token);
        if (reply.Raw is not null)
        {
            await stream.WriteAsync(Encoding.Latin1.GetBytes(reply.Raw), end.Token);
            return;
        }

        string length = reply.Chunked
            ? "Transfer-Encoding: chunked"
            : string.Create(CultureInfo.InvariantCulture, $"Content-Length: {reply.ClaimedLength ?? reply.Body.Length}");
        string[] lines = [string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {reply.Status} Said"), length, "Connection: close",
            .. reply.Headers, "\r\n"];
        await stream.WriteAsync(Encoding.Latin1.GetBytes(string.Join("\r\n", lines)), end.Token);
        await SendBody(stream, reply);
        if (reply.Stall)
        {
            Stalled();
            await stream.CopyToAsync(Stream.Null, end.Token);
        }
    }

    private async Task SendBody(NetworkStream stream, ServerReply reply)
    {
        int sent = 0;
        int all = Math.Min(reply.DropAfter ?? reply.Body.Length, reply.Body.Length);
        while (sent < all)
        {
            int piece = Math.Min(all - sent, 10_000);
            if (reply.Chunked)
            {
                await stream.WriteAsync(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{piece:X}\r\n")), end.Token);
            }

            await stream.WriteAsync(reply.Body.AsMemory(sent, piece), end.Token);
            Interlocked.Add(ref bodyBytes, piece);
            sent += piece;
            if (reply.Chunked)
            {
                await stream.WriteAsync("\r\n"u8.ToArray(), end.Token);
            }
        }

        if (reply.Chunked && reply.DropAfter is null)
        {
            await stream.WriteAsync("0\r\n\r\n"u8.ToArray(), end.Token);
        }
    }
}

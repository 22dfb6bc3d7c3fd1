using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;

namespace Diffusion.Benchmarks;

/// <summary>
/// A server on this machine that serves the files of a folder, with or without ranges, and limits the bytes per second over all connections
/// together.
/// </summary>
internal sealed class ThrottledServer : IDisposable
{
    private const int PieceBytes = 1 << 14;

    private readonly HttpListener listener = new();
    private readonly string folder;
    private readonly double bytesPerSecond;
    private readonly bool hasRanges;
    private readonly Lock gate = new();
    private long nextFree = Stopwatch.GetTimestamp();
    private long requests;

    /// <summary>Starts the server.</summary>
    /// <param name="folder">The files.</param>
    /// <param name="bytesPerSecond">The limit.</param>
    /// <param name="hasRanges">Whether it supports ranges.</param>
    public ThrottledServer(string folder, double bytesPerSecond, bool hasRanges)
    {
        (this.folder, this.bytesPerSecond, this.hasRanges) = (folder, bytesPerSecond, hasRanges);
        using (TcpListener free = new(IPAddress.Loopback, 0))
        {
            free.Start();
            Address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{((IPEndPoint)free.LocalEndpoint).Port}/"));
        }

        listener.Prefixes.Add(Address.ToString());
        listener.Start();
        _ = Accept();
    }

    /// <summary>The address of the server.</summary>
    public Uri Address { get; }

    /// <summary>The number of requests so far.</summary>
    public long Requests => Interlocked.Read(ref requests);

    public void Dispose() => listener.Close();

    private async Task Accept()
    {
        while (listener.IsListening)
        {
            try
            {
                _ = Answer(await listener.GetContextAsync());
            }
            catch (Exception problem) when (problem is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task Answer(HttpListenerContext context)
    {
        Interlocked.Increment(ref requests);
        try
        {
            FileInfo file = new(Path.Combine(folder, Path.GetFileName(context.Request.Url!.AbsolutePath)));
            if (!file.Exists)
            {
                context.Response.StatusCode = 404;
                context.Response.Close();
                return;
            }

            (long first, long end) = PartOf(context, file.Length);
            context.Response.Headers["ETag"] = "\"1\"";
            context.Response.ContentLength64 = end - first;
            await using FileStream content = file.OpenRead();
            content.Position = first;
            byte[] piece = new byte[PieceBytes];
            while (content.Position < end)
            {
                int read = await content.ReadAsync(piece.AsMemory(0, (int)Math.Min(piece.Length, end - content.Position)));
                await Pace(read);
                await context.Response.OutputStream.WriteAsync(piece.AsMemory(0, read));
            }

            context.Response.Close();
        }
        catch (Exception problem) when (problem is HttpListenerException or ObjectDisposedException or IOException)
        {
            // The client has closed the connection.
        }
    }

    private (long First, long End) PartOf(HttpListenerContext context, long length)
    {
        if (!hasRanges || !RangeHeaderValue.TryParse(context.Request.Headers["Range"], out RangeHeaderValue? range))
        {
            return (0, length);
        }

        RangeItemHeaderValue part = range.Ranges.First();
        long end = Math.Min(length, part.To + 1 ?? length);
        context.Response.StatusCode = 206;
        context.Response.Headers["Content-Range"] = string.Create(CultureInfo.InvariantCulture, $"bytes {part.From}-{end - 1}/{length}");
        return (part.From!.Value, end);
    }

    // All connections share one limit.
    private async Task Pace(int bytes)
    {
        TimeSpan wait;
        lock (gate)
        {
            nextFree = Math.Max(nextFree, Stopwatch.GetTimestamp()) + (long)(bytes / bytesPerSecond * Stopwatch.Frequency);
            wait = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), nextFree);
        }

        if (wait > TimeSpan.FromMilliseconds(1))
        {
            await Task.Delay(wait);
        }
    }
}

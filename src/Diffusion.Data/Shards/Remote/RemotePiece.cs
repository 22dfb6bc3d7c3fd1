using System.Globalization;
using System.Net;
using System.Net.Http.Headers;

namespace Diffusion.Data;

/// <summary>The file has changed on the server.</summary>
internal sealed class RemoteChangedException(string name)
    : IOException(
        $"{name}: it has changed on the server since the shards were opened. "
        + "Open them again; the images read so far are from the earlier version.");

/// <summary>
/// Fetches a range of bytes of one version of a file, from a server that supports Range. After a dropped connection or a stall it continues
/// where it stopped. For a single fetch.
/// </summary>
/// <param name="address">http or https.</param>
/// <param name="client">Sends the requests.</param>
/// <param name="options">Timeouts and retries.</param>
/// <param name="version">The version that the server must have.</param>
internal sealed class RemotePiece(Uri address, RemoteClient client, RemoteFileOptions options, RemoteVersion version)
{
    private long position;
    private long end;

    /// <summary>Fetches bytes.</summary>
    /// <param name="first">The offset of the first byte.</param>
    /// <param name="count">The number of bytes, at least 1.</param>
    /// <param name="write">Receives the bytes in order, each piece with its offset.</param>
    /// <param name="cancellation">Cancels the fetch.</param>
    /// <exception cref="RemoteChangedException">The server has another version.</exception>
    /// <exception cref="RemoteException">The server refuses the request, or too many consecutive requests brought nothing.</exception>
    public async Task Fetch(long first, long count, Action<ReadOnlyMemory<byte>, long> write, CancellationToken cancellation)
    {
        (position, end) = (first, first + count);
        RemoteExchange exchange = new(client, options);
        RemoteRetry retry = new(address, options);
        while (true)
        {
            long before = position;
            if (await exchange.Ask(address, Prepare, Judge, bytes => Take(bytes, write), cancellation).ConfigureAwait(false)
                is not { } failure)
            {
                return;
            }

            string state = string.Create(CultureInfo.InvariantCulture,
                $"Of bytes {first} to {end - 1} of {version.Length}, {position - first} had arrived.");
            await retry.After(failure, position > before, state, cancellation).ConfigureAwait(false);
        }
    }

    private void Prepare(HttpRequestHeaders headers)
    {
        headers.Range = new RangeHeaderValue(position, end - 1);
        headers.IfRange = version.Condition;
    }

    private RemoteFailure? Judge(HttpResponseMessage response)
    {
        RemoteVersion answered = RemoteVersion.Of(response);
        ContentRangeHeaderValue? range = response.Content.Headers.ContentRange;
        switch (response.StatusCode)
        {
            case HttpStatusCode.PartialContent when version.Contradicts(answered):
            case HttpStatusCode.OK when version.Contradicts(answered) && !RemoteContent.IsPage(response):
            case HttpStatusCode.RequestedRangeNotSatisfiable when version.Contradicts(answered):
                throw new RemoteChangedException(RemoteFile.NameOf(address));
            case HttpStatusCode.PartialContent when range is { HasRange: true, Unit: "bytes" } && range.From == position:
                return null;
            case HttpStatusCode.PartialContent:
                return new RemoteFailure("the server sent another part than requested");
            case HttpStatusCode.OK:
                return new RemoteFailure(RemoteContent.IsPage(response)
                    ? $"the server answered with {response.Content.Headers.ContentType?.MediaType} instead of the shard"
                    : "the server sent the whole file instead of the requested part");
            default:
                return RemoteFailure.Of(response, options.Time);
        }
    }

    private (bool More, RemoteFailure? Failure) Take(ReadOnlyMemory<byte> bytes, Action<ReadOnlyMemory<byte>, long> write)
    {
        if (bytes.IsEmpty)
        {
            return (false, new RemoteFailure($"the response ended after {position} of {end} bytes"));
        }

        ReadOnlyMemory<byte> wanted = bytes[..(int)Math.Min(bytes.Length, end - position)];
        write(wanted, position);
        position += wanted.Length;
        return (position < end, null);
    }
}

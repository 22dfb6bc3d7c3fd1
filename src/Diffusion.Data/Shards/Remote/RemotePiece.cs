using System.Globalization;
using System.Net;
using System.Net.Http.Headers;

namespace Diffusion.Data;

/// <summary>The file on the server is no longer the one whose bytes were asked for.</summary>
internal sealed class RemoteChangedException(string name)
    : IOException(
        $"{name}: it has changed on the server since the shards were opened. Open them again; what was read before is of the "
            + $"earlier version.");

/// <summary>
/// One fetch of some bytes of one version of a file, from a server that answers Range. After a dropped connection or a stall it continues
/// where it was. For one fetch only.
/// </summary>
/// <param name="address">http or https.</param>
/// <param name="client">Sends the requests.</param>
/// <param name="options">How patiently.</param>
/// <param name="version">The version that the bytes must be of.</param>
internal sealed class RemotePiece(Uri address, RemoteClient client, RemoteFileOptions options, RemoteVersion version)
{
    private long position;
    private long end;

    /// <summary>Fetches bytes.</summary>
    /// <param name="first">The first of them.</param>
    /// <param name="count">How many, at least 1.</param>
    /// <param name="write">Takes them, in order, with the place of each piece.</param>
    /// <param name="cancellation">Ends the fetch.</param>
    /// <exception cref="RemoteChangedException">The server has another version.</exception>
    /// <exception cref="RemoteException">The server refuses, or too many requests in a row brought nothing.</exception>
    public async Task Fetch(long first, long count, Action<ReadOnlyMemory<byte>, long> write, CancellationToken cancellation)
    {
        (position, end) = (first, first + count);
        RemoteExchange exchange = new(client, options);
        RemoteRetry retry = new(address, options);
        while (true)
        {
            long before = position;
            if (await exchange.Ask(address, Prepare, Judge, bytes => Take(bytes, write), cancellation) is not { } failure)
            {
                return;
            }

            string state = string.Create(CultureInfo.InvariantCulture,
                $"Bytes {first} to {end - 1} of {version.Length} were wanted, {position - first} of them were there.");
            await retry.After(failure, position > before, state, cancellation);
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
                return new RemoteFailure("the server answered with another part than was asked for");
            case HttpStatusCode.OK:
                return new RemoteFailure(RemoteContent.IsPage(response)
                    ? $"the server answered with {response.Content.Headers.ContentType?.MediaType} in place of the shard"
                    : "the server answered with the whole file and not with the part that was asked for");
            default:
                return RemoteFailure.Of(response, options.Time);
        }
    }

    private (bool More, RemoteFailure? Failure) Take(ReadOnlyMemory<byte> bytes, Action<ReadOnlyMemory<byte>, long> write)
    {
        if (bytes.IsEmpty)
        {
            return (false, new RemoteFailure($"the answer ended after {position} of {end} bytes"));
        }

        ReadOnlyMemory<byte> wanted = bytes[..(int)Math.Min(bytes.Length, end - position)];
        write(wanted, position);
        position += wanted.Length;
        return (position < end, null);
    }
}

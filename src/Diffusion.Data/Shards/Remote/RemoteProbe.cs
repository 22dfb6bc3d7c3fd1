using System.Net;
using System.Net.Http.Headers;

namespace Diffusion.Data;

/// <summary>What a server says about a shard when asked for its first bytes.</summary>
/// <param name="Version">The version on the server.</param>
/// <param name="SupportsRanges">Whether the server can send parts of the file.</param>
internal sealed record RemoteProbe(RemoteVersion Version, bool SupportsRanges)
{
    /// <summary>Asks a server for the first bytes of a shard, and rejects anything that is not a shard.</summary>
    /// <param name="address">http or https.</param>
    /// <param name="client">Sends the requests.</param>
    /// <param name="options">Timeouts and retries.</param>
    /// <param name="isPacked">Whether the shard is a gzip file.</param>
    /// <param name="cancellation">Cancels the request.</param>
    /// <exception cref="RemoteException">
    /// The server refuses the request, sends something other than a shard, or cannot be reached.
    /// </exception>
    public static async Task<RemoteProbe> Ask(Uri address, RemoteClient client, RemoteFileOptions options, bool isPacked,
        CancellationToken cancellation)
    {
        RemoteExchange exchange = new(client, options);
        RemoteRetry retry = new(address, options);
        byte[] first = new byte[RemoteContent.SniffedBytes];
        while (true)
        {
            int read = 0;
            RemoteProbe probe = new(new RemoteVersion(null, null, null), false);
            string? contentType = null;
            RemoteFailure? failure = await exchange.Ask(address, Prepare, Judge, Take, cancellation).ConfigureAwait(false);
            if (failure is null && RemoteContent.FindProblem(first.AsSpan(0, read), contentType, isPacked) is { } mistake)
            {
                throw new RemoteException($"{RemoteFile.NameOf(address)}: {mistake}", null, isRefusal: true);
            }

            if (failure is null)
            {
                return probe;
            }

            await retry.After(failure, progressed: false, "Its first bytes were requested.", cancellation).ConfigureAwait(false);

            RemoteFailure? Judge(HttpResponseMessage response)
            {
                RemoteVersion version = RemoteVersion.Of(response);
                contentType = response.Content.Headers.ContentType?.MediaType;
                bool isPart = response.StatusCode == HttpStatusCode.PartialContent
                    && response.Content.Headers.ContentRange is { HasRange: true, From: 0, Unit: "bytes" } && version.Length is not null;
                probe = new RemoteProbe(version, isPart);
                return isPart || response.StatusCode == HttpStatusCode.OK ? null
                    : response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable && version.Length is 0 or null
                        ? new RemoteFailure("it has 0 bytes", IsFinal: true, Remedy: "Upload the shard again.")
                    : response.StatusCode == HttpStatusCode.PartialContent ? new RemoteFailure(
                        "the server sent another part than requested")
                    : RemoteFailure.Of(response, options.Time);
            }

            // A body that ends early is too short to be a tar file, which is reported.
            (bool More, RemoteFailure? Failure) Take(ReadOnlyMemory<byte> bytes)
            {
                int taken = Math.Min(bytes.Length, first.Length - read);
                bytes.Span[..taken].CopyTo(first.AsSpan(read));
                read += taken;
                bool isShort = bytes.IsEmpty && read < first.Length && probe.Version.Length is { } length && read < length;
                return (read < first.Length, isShort ? new RemoteFailure($"the response ended after {read} bytes") : null);
            }
        }
    }

    private static void Prepare(HttpRequestHeaders headers) => headers.Range = new RangeHeaderValue(0, RemoteContent.SniffedBytes - 1);
}

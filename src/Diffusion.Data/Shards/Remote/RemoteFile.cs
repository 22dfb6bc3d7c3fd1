using System.Globalization;
using System.Net;
using System.Net.Http.Headers;

namespace Diffusion.Data;

/// <summary>
/// Fetches one whole file over HTTP, with as many requests as it takes. After a dropped connection or a stall it continues where it stopped
/// (Range, with If-Range so that a changed file restarts); without an ETag or Last-Modified it restarts each time. For a single fetch.
/// </summary>
/// <param name="address">http or https.</param>
/// <param name="client">Sends the requests.</param>
/// <param name="options">Timeouts and retries.</param>
/// <param name="known">The version of the local copy, which need not be fetched again; null for none.</param>
/// <param name="expected">The only version to accept; null for any.</param>
internal sealed class RemoteFile(
    Uri address, RemoteClient client, RemoteFileOptions options, RemoteVersion? known = null, RemoteVersion? expected = null)
{
    private static readonly RemoteVersion Unknown = new(null, null, null);

    private long position;
    private long furthest;

    /// <summary>The version that was fetched.</summary>
    public RemoteVersion Version { get; private set; } = Unknown;

    /// <summary>The media type that the server sent; null for none.</summary>
    public string? ContentType { get; private set; }

    /// <summary>Whether the server still has the version of the local copy, so that nothing was fetched.</summary>
    public bool IsUnchanged { get; private set; }

    private long? Length => Version.Length;

    /// <summary>An address as errors show it: without user, password and query, which may be secret.</summary>
    public static string NameOf(Uri address) =>
        address.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);

    /// <summary>Fetches the file.</summary>
    /// <param name="part">The destination; in the end it contains exactly the file.</param>
    /// <param name="maxBytes">The maximum size of the file, in bytes.</param>
    /// <param name="cancellation">Cancels the fetch.</param>
    /// <exception cref="RemoteException">The server refuses the request, or too many consecutive requests brought nothing.</exception>
    /// <exception cref="RemoteChangedException">The server has another version than the expected one.</exception>
    public async Task Fetch(Stream part, long maxBytes, CancellationToken cancellation)
    {
        RemoteExchange exchange = new(client, options);
        RemoteRetry retry = new(address, options);
        while (true)
        {
            long before = furthest;
            RemoteFailure? failure = await exchange.Ask(address, Prepare, response => Judge(response, part, maxBytes),
                bytes => Take(bytes, part, maxBytes), cancellation).ConfigureAwait(false);
            if (failure is null || IsUnchanged)
            {
                part.SetLength(position);
                return;
            }

            string all = Length?.ToString(CultureInfo.InvariantCulture) ?? "an unknown number of";
            await retry.After(failure, furthest > before, $"{position} of {all} bytes had arrived.", cancellation).ConfigureAwait(false);
        }
    }

    private void Prepare(HttpRequestHeaders headers)
    {
        if (position > 0 && Version.Condition is { } condition)
        {
            headers.IfRange = condition;
            headers.Range = new RangeHeaderValue(position, null);
            return;
        }

        Restart();
        if (known?.Tag is { } tag)
        {
            headers.IfNoneMatch.Add(tag);
        }
        else if (known?.Modified is { } date)
        {
            headers.IfModifiedSince = date;
        }
    }

    // Null when the body continues the file at the current position.
    private RemoteFailure? Judge(HttpResponseMessage response, Stream part, long maxBytes)
    {
        switch (response.StatusCode)
        {
            case HttpStatusCode.OK when expected is not null && RemoteContent.IsPage(response):
                return new RemoteFailure(
                    $"the server answered with {response.Content.Headers.ContentType?.MediaType} instead of the shard");
            case HttpStatusCode.OK when expected is not null && expected.Contradicts(RemoteVersion.Of(response)):
                throw new RemoteChangedException(NameOf(address));
            case HttpStatusCode.OK:
                Restart();
                Version = RemoteVersion.Of(response);
                ContentType = response.Content.Headers.ContentType?.MediaType;
                IsUnchanged = known is { IsNamed: true } && known.Matches(Version);
                break;
            case HttpStatusCode.NotModified when known is not null && position == 0:
                IsUnchanged = true;
                break;
            case HttpStatusCode.PartialContent when position > 0 && Continues(response):
                break;
            case HttpStatusCode.PartialContent:
                Restart();
                return new RemoteFailure("the server sent another part than requested, or a part of another version");
            case HttpStatusCode.RequestedRangeNotSatisfiable when position > 0:
                Restart();
                return new RemoteFailure("the server has no bytes at the position where the file should continue");
            default:
                return RemoteFailure.Of(response, options.Time);
        }

        if (IsUnchanged)
        {
            return new RemoteFailure("the local copy is current");
        }

        part.SetLength(position);
        part.Position = position;
        return Length > maxBytes ? TooLarge(maxBytes) : null;
    }

    private bool Continues(HttpResponseMessage response)
    {
        ContentRangeHeaderValue? range = response.Content.Headers.ContentRange;
        RemoteVersion version = RemoteVersion.Of(response);
        bool same = range is { HasRange: true, Unit: "bytes" } && range.From == position && !Version.Contradicts(version);
        Version = Version with { Length = Length ?? version.Length };
        return same;
    }

    private (bool More, RemoteFailure? Failure) Take(ReadOnlyMemory<byte> bytes, Stream part, long maxBytes)
    {
        if (bytes.IsEmpty)
        {
            return (false, Length is null || position == Length
                ? null
                : new RemoteFailure($"the response ended after {position} of {Length} bytes"));
        }

        if (position + bytes.Length > Length)
        {
            Restart();
            return (false, new RemoteFailure("the server sent more bytes than announced"));
        }

        if (position + bytes.Length > maxBytes)
        {
            return (false, TooLarge(maxBytes));
        }

        part.Write(bytes.Span);
        position += bytes.Length;
        furthest = Math.Max(furthest, position);
        return (position != Length, null);
    }

    private static RemoteFailure TooLarge(long maxBytes) => new(
        $"it has more than the limit of {maxBytes} bytes", IsFinal: true,
        Remedy: "Raise ShardOptions.RemoteCacheLimit, or write smaller shards.");

    private void Restart() => (position, Version) = (0, Unknown);
}

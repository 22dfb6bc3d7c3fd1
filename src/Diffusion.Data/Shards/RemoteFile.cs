using System.Globalization;
using System.Net;
using System.Net.Http.Headers;

namespace Diffusion.Data;

/// <summary>
/// One fetch of one whole file over HTTP: as many requests as it takes until every byte is there. After a dropped connection or a stall it
/// continues where it was (Range, with If-Range so that a file that changed meanwhile begins anew); without an ETag or a date of change it
/// begins anew each time. For one fetch only.
/// </summary>
/// <param name="address">http or https.</param>
/// <param name="client">Sends the requests.</param>
/// <param name="options">How patiently.</param>
/// <param name="known">The version that is here already and need not come again; null for none.</param>
/// <param name="expected">The only version that is wanted; null for any.</param>
internal sealed class RemoteFile(
    Uri address, RemoteClient client, RemoteFileOptions options, RemoteVersion? known = null, RemoteVersion? expected = null)
{
    private static readonly RemoteVersion Unknown = new(null, null, null);

    private long position;
    private long furthest;

    /// <summary>The version that was fetched.</summary>
    public RemoteVersion Version { get; private set; } = Unknown;

    /// <summary>What the server calls the content; null for nothing.</summary>
    public string? ContentType { get; private set; }

    /// <summary>Whether the server still has the version that is here already, so that nothing was fetched.</summary>
    public bool IsUnchanged { get; private set; }

    private long? Length => Version.Length;

    /// <summary>What errors call an address: without user, password and query, which may be secret.</summary>
    public static string NameOf(Uri address) =>
        address.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);

    /// <summary>Fetches the file.</summary>
    /// <param name="part">Takes the bytes; it holds exactly the file in the end.</param>
    /// <param name="largest">The most bytes that it may have.</param>
    /// <param name="cancellation">Ends the fetch.</param>
    /// <exception cref="RemoteException">The server refuses, or too many requests in a row brought nothing.</exception>
    /// <exception cref="RemoteChangedException">The server has another version than the one that is wanted.</exception>
    public async Task Fetch(Stream part, long largest, CancellationToken cancellation)
    {
        RemoteExchange exchange = new(client, options);
        RemoteRetry retry = new(address, options);
        while (true)
        {
            long before = furthest;
            RemoteFailure? failure = await exchange.Ask(address, Prepare, response => Judge(response, part, largest),
                bytes => Take(bytes, part, largest), cancellation);
            if (failure is null || IsUnchanged)
            {
                part.SetLength(position);
                return;
            }

            string all = Length?.ToString(CultureInfo.InvariantCulture) ?? "an unknown number of";
            await retry.After(failure, furthest > before, $"{position} of {all} bytes were there.", cancellation);
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

        BeginAnew();
        if (known?.Tag is { } tag)
        {
            headers.IfNoneMatch.Add(tag);
        }
        else if (known?.Modified is { } date)
        {
            headers.IfModifiedSince = date;
        }
    }

    // Null when the bytes that follow belong at the position.
    private RemoteFailure? Judge(HttpResponseMessage response, Stream part, long largest)
    {
        switch (response.StatusCode)
        {
            case HttpStatusCode.OK when expected is not null && RemoteContent.IsPage(response):
                return new RemoteFailure(
                    $"the server answered with {response.Content.Headers.ContentType?.MediaType} in place of the shard");
            case HttpStatusCode.OK when expected is not null && expected.Contradicts(RemoteVersion.Of(response)):
                throw new RemoteChangedException(NameOf(address));
            case HttpStatusCode.OK:
                BeginAnew();
                Version = RemoteVersion.Of(response);
                ContentType = response.Content.Headers.ContentType?.MediaType;
                IsUnchanged = known is { IsNamed: true } && known.Matches(Version);
                break;
            case HttpStatusCode.NotModified when known is not null && position == 0:
                IsUnchanged = true;
                break;
            case HttpStatusCode.PartialContent when position > 0 && GoesOn(response):
                break;
            case HttpStatusCode.PartialContent:
                BeginAnew();
                return new RemoteFailure("the server answered with another part, or a part of another version, than was asked for");
            case HttpStatusCode.RequestedRangeNotSatisfiable when position > 0:
                BeginAnew();
                return new RemoteFailure("the server has no bytes where the file should go on");
            default:
                return RemoteFailure.Of(response, options.Time);
        }

        if (IsUnchanged)
        {
            return new RemoteFailure("the version is here already");
        }

        part.SetLength(position);
        part.Position = position;
        return Length > largest ? TooLarge(largest) : null;
    }

    private bool GoesOn(HttpResponseMessage response)
    {
        ContentRangeHeaderValue? range = response.Content.Headers.ContentRange;
        RemoteVersion version = RemoteVersion.Of(response);
        bool same = range is { HasRange: true, Unit: "bytes" } && range.From == position && !Version.Contradicts(version);
        Version = Version with { Length = Length ?? version.Length };
        return same;
    }

    private (bool More, RemoteFailure? Failure) Take(ReadOnlyMemory<byte> bytes, Stream part, long largest)
    {
        if (bytes.IsEmpty)
        {
            return (false, Length is null || position == Length
                ? null
                : new RemoteFailure($"the answer ended after {position} of {Length} bytes"));
        }

        if (position + bytes.Length > Length)
        {
            BeginAnew();
            return (false, new RemoteFailure("the server sent more bytes than it had announced"));
        }

        if (position + bytes.Length > largest)
        {
            return (false, TooLarge(largest));
        }

        part.Write(bytes.Span);
        position += bytes.Length;
        furthest = Math.Max(furthest, position);
        return (position != Length, null);
    }

    private static RemoteFailure TooLarge(long largest) => new(
        $"it has more than the {largest} bytes that it may have here", IsFinal: true,
            Remedy: "Raise ShardOptions.RemoteCacheLimit, or write smaller shards.");

    private void BeginAnew() => (position, Version) = (0, Unknown);
}

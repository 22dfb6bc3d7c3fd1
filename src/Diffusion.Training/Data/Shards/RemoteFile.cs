using System.Globalization;
using System.Net;
using System.Net.Http.Headers;

namespace Diffusion.Training;

/// <summary>
/// One fetch of one file over HTTP: as many requests as it takes until every byte is there. After a dropped connection or a stall it goes
/// on where it stood (Range, with If-Range so that a file that changed meanwhile begins anew); without an ETag or a date of change it
/// begins anew each time. For one fetch only.
/// </summary>
/// <param name="address">http or https.</param>
/// <param name="client">Sends the requests; its own time-out must be off.</param>
/// <param name="options">How patiently.</param>
internal sealed class RemoteFile(Uri address, HttpClient client, RemoteFileOptions options)
{
    private readonly byte[] buffer = new byte[1 << 17];
    private readonly string name = NameOf(address);
    private DateTimeOffset? changed;
    private long? length;
    private long position;
    private long furthest;

    /// <summary>The version that was fetched; null where the server names none.</summary>
    public EntityTagHeaderValue? Version { get; private set; }

    /// <summary>What errors call an address: without user, password and query, which may be secret.</summary>
    public static string NameOf(Uri address) => address.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);

    /// <summary>Fetches the file.</summary>
    /// <param name="part">Takes the bytes; it holds exactly the file in the end.</param>
    /// <param name="largest">The most bytes that it may have.</param>
    /// <param name="cancellation">Ends the fetch.</param>
    /// <exception cref="IOException">The server refuses, or too many requests in a row brought nothing.</exception>
    public async Task Fetch(Stream part, long largest, CancellationToken cancellation)
    {
        int idle = 0;
        for (int requests = 1; ; requests++)
        {
            long before = furthest;
            if (await Ask(part, largest, cancellation) is not { } failure)
            {
                part.SetLength(position);
                return;
            }

            idle = furthest > before ? 0 : idle + 1;
            if (failure.IsFinal)
            {
                throw new IOException($"{name}: {failure.Cause}. Requests made: {requests}.", failure.Problem);
            }

            if (idle == options.Attempts)
            {
                throw new IOException(
                    $"{name}: given up after {requests} requests, the last {idle} of which brought nothing new; "
                    + $"the last failed because {failure.Cause}. "
                    + $"{position} of {length?.ToString(CultureInfo.InvariantCulture) ?? "an unknown number of"} bytes were there. Check the network and run again.",
                    failure.Problem);
            }

            await Task.Delay(options.WaitBetween(address, idle, requests, failure.RetryAfter), options.Time, cancellation);
        }
    }

    // One request. Null when the file is complete.
    private async Task<Failure?> Ask(Stream part, long largest, CancellationToken cancellation)
    {
        using CancellationTokenSource stall = new(options.StallTimeout, options.Time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, stall.Token);
        try
        {
            using HttpRequestMessage request = NextRequest();
            using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            if (Judge(response) is { } refused)
            {
                return refused;
            }

            part.SetLength(position);
            part.Position = position;
            await using Stream body = await response.Content.ReadAsStreamAsync(either.Token);
            return length > largest ? TooLarge(largest) : await Receive(body, part, largest, stall, either.Token);
        }
        catch (OperationCanceledException problem) when (!cancellation.IsCancellationRequested)
        {
            return new Failure($"no byte came for {options.StallTimeout.TotalSeconds:0.###} seconds", problem);
        }
        catch (HttpRequestException problem)
        {
            return new Failure($"the connection failed ({problem.Message})", problem);
        }
    }

    private HttpRequestMessage NextRequest()
    {
        HttpRequestMessage request = new(HttpMethod.Get, address);
        request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
        if (position > 0 && Version is { IsWeak: false })
        {
            request.Headers.IfRange = new RangeConditionHeaderValue(Version);
        }
        else if (position > 0 && changed is { } date)
        {
            request.Headers.IfRange = new RangeConditionHeaderValue(date);
        }
        else
        {
            BeginAnew();
            return request;
        }

        request.Headers.Range = new RangeHeaderValue(position, null);
        return request;
    }

    // Null when the bytes that follow belong at the position.
    private Failure? Judge(HttpResponseMessage response)
    {
        switch (response.StatusCode)
        {
            case HttpStatusCode.OK:
                BeginAnew();
                length = response.Content.Headers.ContentLength;
                Version = response.Headers.ETag;
                changed = response.Content.Headers.LastModified;
                return null;
            case HttpStatusCode.PartialContent when position > 0 && GoesOn(response):
                return null;
            case HttpStatusCode.PartialContent:
                BeginAnew();
                return new Failure("the server answered with another part, or a part of another version, than was asked for");
            case HttpStatusCode.RequestedRangeNotSatisfiable when position > 0:
                BeginAnew();
                return new Failure("the server has no bytes where the file should go on");
            default:
                int status = (int)response.StatusCode;
                string note = status is >= 300 and < 400 ? ", a redirection that is not followed" : string.Empty;
                string cause = $"the server answered {status} ({response.ReasonPhrase}){note}";
                return status is 408 or 429 or >= 500 ? new Failure(cause, RetryAfter: RetryAfter(response)) : new Failure(cause, IsFinal: true);
        }
    }

    private bool GoesOn(HttpResponseMessage response)
    {
        ContentRangeHeaderValue? range = response.Content.Headers.ContentRange;
        bool same = range is { HasRange: true, Unit: "bytes" } && range.From == position
            && (Version is { IsWeak: false } version
                ? response.Headers.ETag is not { } tag || tag.Equals(version)
                : response.Content.Headers.LastModified is not { } date || date == changed)
            && (length is null || range.Length is null || length == range.Length);
        length ??= range?.Length;
        return same;
    }

    private async Task<Failure?> Receive(Stream body, Stream part, long largest, CancellationTokenSource stall, CancellationToken cancellation)
    {
        while (position != length)
        {
            int read;
            stall.CancelAfter(options.StallTimeout);
            try
            {
                read = await body.ReadAsync(buffer, cancellation);
            }
            catch (IOException problem)
            {
                return new Failure($"the connection broke off ({problem.Message})", problem);
            }

            stall.CancelAfter(Timeout.InfiniteTimeSpan);
            if (read == 0)
            {
                return length is null ? null : new Failure($"the answer ended after {position} of {length} bytes");
            }

            if (position + read > length)
            {
                BeginAnew();
                return new Failure("the server sent more bytes than it had announced");
            }

            if (position + read > largest)
            {
                return TooLarge(largest);
            }

            part.Write(buffer, 0, read);
            position += read;
            furthest = Math.Max(furthest, position);
        }

        return null;
    }

    private static Failure TooLarge(long largest) => new($"it has more than the {largest} bytes that it may have here", IsFinal: true);

    private void BeginAnew() => (position, length, Version, changed) = (0, null, null, null);

    private TimeSpan? RetryAfter(HttpResponseMessage response) =>
        response.Headers.RetryAfter is { } after ? after.Delta ?? (after.Date - options.Time.GetUtcNow()) : null;

    private sealed record Failure(string Cause, Exception? Problem = null, bool IsFinal = false, TimeSpan? RetryAfter = null);
}

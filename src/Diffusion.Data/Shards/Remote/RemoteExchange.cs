using System.Buffers;
using System.Net.Http.Headers;

namespace Diffusion.Data;

/// <summary>Sends one request, passes on its response, and turns every kind of failure into a <see cref="RemoteFailure"/>.</summary>
/// <param name="client">Sends the requests.</param>
/// <param name="options">How long a response may stall.</param>
internal sealed class RemoteExchange(RemoteClient client, RemoteFileOptions options)
{
    private const int PieceBytes = 1 << 16;

    /// <summary>Sends a request and receives its response.</summary>
    /// <param name="address">http or https.</param>
    /// <param name="prepare">Adds Range and conditional headers.</param>
    /// <param name="judge">Checks status and headers; returns null when the body should be read.</param>
    /// <param name="take">Receives each piece of the body; false ends the reading, a failure aborts it.</param>
    /// <param name="cancellation">Cancels the exchange.</param>
    /// <returns>Why the response failed; null when it ended normally or reading was stopped.</returns>
    public async Task<RemoteFailure?> Ask(
        Uri address, Action<HttpRequestHeaders> prepare, Func<HttpResponseMessage, RemoteFailure?> judge,
        Func<ReadOnlyMemory<byte>, (bool More, RemoteFailure? Failure)> take, CancellationToken cancellation)
    {
        bool hasAnswer = false;
        using CancellationTokenSource stall = new(options.StallTimeout, options.Time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, stall.Token);
        try
        {
            using HttpResponseMessage response = await client.Get(address, prepare, either.Token).ConfigureAwait(false);
            hasAnswer = true;
            if (judge(response) is { } refused)
            {
                return refused;
            }

            using Stream body = await response.Content.ReadAsStreamAsync(either.Token).ConfigureAwait(false);
            return await Receive(body, take, stall, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException problem) when (!cancellation.IsCancellationRequested)
        {
            return new RemoteFailure(
                stall.IsCancellationRequested
                    ? $"no data arrived for {options.StallTimeout.TotalSeconds:0.###} seconds"
                    : "the Timeout of the HttpClient elapsed", problem);
        }
        catch (HttpRequestException problem)
        {
            return new RemoteFailure($"the connection failed ({problem.Message})", problem);
        }
#pragma warning disable CA1031 // An HttpClient of the caller may throw anything.
        catch (Exception problem) when (!hasAnswer && problem is not OperationCanceledException)
#pragma warning restore CA1031
        {
            return new RemoteFailure($"the HttpClient failed ({problem.Message})", problem);
        }
    }

    private async Task<RemoteFailure?> Receive(
        Stream body, Func<ReadOnlyMemory<byte>, (bool More, RemoteFailure? Failure)> take, CancellationTokenSource stall,
            CancellationToken cancellation)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(PieceBytes);
        try
        {
            while (true)
            {
                int read;
                stall.CancelAfter(options.StallTimeout);
                try
                {
                    read = await body.ReadAsync(buffer, cancellation).ConfigureAwait(false);
                }
                catch (IOException problem)
                {
                    return new RemoteFailure($"the connection was lost ({problem.Message})", problem);
                }

                stall.CancelAfter(Timeout.InfiniteTimeSpan);
                (bool more, RemoteFailure? failure) = take(buffer.AsMemory(0, read));
                if (!more || read == 0)
                {
                    return failure;
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}

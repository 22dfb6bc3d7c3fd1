using System.Buffers;
using System.Net.Http.Headers;

namespace Diffusion.Data;

/// <summary>
/// Sends one request and hands its answer on, and turns every way in which that fails into a <see cref="RemoteFailure"/>.
/// </summary>
/// <param name="client">Sends the requests.</param>
/// <param name="options">How long an answer may stand still.</param>
internal sealed class RemoteExchange(RemoteClient client, RemoteFileOptions options)
{
    private const int PieceBytes = 1 << 16;

    /// <summary>One request and its answer.</summary>
    /// <param name="address">http or https.</param>
    /// <param name="prepare">Adds ranges and conditions.</param>
    /// <param name="judge">What is wrong with the answer, seen from its status and headers; null when its body is wanted.</param>
    /// <param name="take">Takes each piece of the body; false when no more is wanted, a failure when it may not come.</param>
    /// <param name="cancellation">Ends the exchange.</param>
    /// <returns>Why the answer did not come to its end; null when it did, or no more was wanted.</returns>
    public async Task<RemoteFailure?> Ask(
        Uri address, Action<HttpRequestHeaders> prepare, Func<HttpResponseMessage, RemoteFailure?> judge,
        Func<ReadOnlyMemory<byte>, (bool More, RemoteFailure? Failure)> take, CancellationToken cancellation)
    {
        using CancellationTokenSource stall = new(options.StallTimeout, options.Time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, stall.Token);
        try
        {
            using HttpResponseMessage response = await client.Get(address, prepare, either.Token);
            if (judge(response) is { } refused)
            {
                return refused;
            }

            await using Stream body = await response.Content.ReadAsStreamAsync(either.Token);
            return await Receive(body, take, stall, either.Token);
        }
        catch (OperationCanceledException problem) when (!cancellation.IsCancellationRequested)
        {
            return new RemoteFailure(
                stall.IsCancellationRequested
                    ? $"no byte came for {options.StallTimeout.TotalSeconds:0.###} seconds"
                    : "the Timeout of the HttpClient was over", problem);
        }
        catch (HttpRequestException problem)
        {
            return new RemoteFailure($"the connection failed ({problem.Message})", problem);
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
                    read = await body.ReadAsync(buffer, cancellation);
                }
                catch (IOException problem)
                {
                    return new RemoteFailure($"the connection broke off ({problem.Message})", problem);
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

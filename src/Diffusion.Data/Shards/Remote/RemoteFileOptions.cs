using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Diffusion.Data;

/// <summary>Where copies of remote files are stored, and how requests time out and are retried.</summary>
internal sealed record RemoteFileOptions
{
    /// <summary>The folder of the local copies, which several processes may jitter.</summary>
    public required string Folder { get; init; }

    /// <summary>
    /// The maximum number of bytes of complete and partial copies, at least 0; copies in use are kept even beyond it. Default 64 GiB.
    /// </summary>
    public long CacheBytes { get; init; } = 64L << 30;

    /// <summary>The client that sends the requests, which the caller disposes; null to create one.</summary>
    public HttpClient? Client { get; init; }

    /// <summary>Headers to send with every request to the host of the address, and to no other host.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// The maximum number of simultaneous requests for files that are read while they are being fetched, at least 1. Default 6.
    /// </summary>
    public int Connections { get; init; } = 6;

    /// <summary>How long a connection or response may stall before the request is aborted and retried. Default one minute.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The maximum number of consecutive requests without a new byte before the fetch fails, at least 1. Default 8.</summary>
    public int Attempts { get; init; } = 8;

    /// <summary>The delay before the first retry; it doubles with each request that brings nothing. Default one second.</summary>
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The upper limit of the doubling delay. Default one minute.</summary>
    public TimeSpan MaxDelay { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The upper limit of the delay that a server asks for (Retry-After). Default ten minutes.</summary>
    public TimeSpan MaxRetryAfter { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The seed of the random part of the delays, combined with the address.</summary>
    public long Seed { get; init; }

    /// <summary>Measures delays and timeouts.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>
    /// The delay before the next request. It doubles after each request that brought nothing, minus up to half at random so that clients do
    /// not retry in step, and is at least what the server asks for.
    /// </summary>
    /// <param name="address">The file.</param>
    /// <param name="idle">The number of consecutive requests that brought nothing.</param>
    /// <param name="request">The number of the request that failed.</param>
    /// <param name="retryAfter">The delay that the server asks for; null for none.</param>
    public TimeSpan DelayAfter(Uri address, int idle, int request, TimeSpan? retryAfter)
    {
        long stream = BinaryPrimitives.ReadInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(address.AbsoluteUri)));
        double jitter = new SeedStream(Seed).Child(RandomPurpose.DataOrder, stream).Uniform(RandomPurpose.DataOrder, request);
        double doubled = Math.Min(FirstDelay.TotalSeconds * Math.Pow(2, idle), MaxDelay.TotalSeconds);
        TimeSpan own = TimeSpan.FromSeconds(doubled * (1 - (jitter / 2)));
        TimeSpan asked = retryAfter < MaxRetryAfter ? retryAfter.Value : retryAfter is null ? TimeSpan.Zero : MaxRetryAfter;
        return own > asked ? own : asked;
    }

    internal void Check()
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(Folder);
        ArgumentOutOfRangeException.ThrowIfNegative(CacheBytes);
        ArgumentOutOfRangeException.ThrowIfLessThan(Attempts, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Connections, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(StallTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(FirstDelay, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxDelay, FirstDelay);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxRetryAfter, TimeSpan.Zero);
    }
}

using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Diffusion.Data;

/// <summary>Where files of servers are kept, and how patiently they are fetched.</summary>
internal sealed record RemoteFileOptions
{
    /// <summary>The folder of the local copies. Several processes may share it.</summary>
    public required string Folder { get; init; }

    /// <summary>
    /// How many bytes of copies and of half-fetched files are kept, at least 0; those in use stay even beyond it. Default 64 GiB.
    /// </summary>
    public long CacheBytes { get; init; } = 64L << 30;

    /// <summary>The client that sends the requests, which stays its owner's; null for one of our own.</summary>
    public HttpClient? Client { get; init; }

    /// <summary>Headers of every request to the host of its address, and to no other.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);

    /// <summary>How many requests run at a time for files that are read while they are fetched, at least 1. Default 6.</summary>
    public int Connections { get; init; } = 6;

    /// <summary>How long a connection or an answer may stand still before it is given up and asked for again. Default one minute.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How many requests in a row may bring no new byte before the fetch fails, at least 1. Default 8.</summary>
    public int Attempts { get; init; } = 8;

    /// <summary>The wait before the second request; it doubles with each that brings nothing. Default one second.</summary>
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest wait that doubling comes to. Default one minute.</summary>
    public TimeSpan MaxDelay { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The longest wait that a server may ask for (Retry-After); a longer one is cut to this. Default ten minutes.</summary>
    public TimeSpan MaxRetryAfter { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>What the random part of the waits is drawn from, together with the address.</summary>
    public long Seed { get; init; }

    /// <summary>What waits and time-outs are measured by.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>
    /// How long to wait for the next request: twice as long after each that brought nothing, less up to half at random, so that many do not
    /// come back at once; and at least as long as the server asks for.
    /// </summary>
    /// <param name="address">What is fetched.</param>
    /// <param name="idle">How many requests in a row brought nothing.</param>
    /// <param name="request">The number of the request that failed.</param>
    /// <param name="retryAfter">What the server asks for.</param>
    public TimeSpan DelayAfter(Uri address, int idle, int request, TimeSpan? retryAfter)
    {
        long stream = BinaryPrimitives.ReadInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(address.AbsoluteUri)));
        double share = new SeedStream(Seed).Child(RandomPurpose.DataOrder, stream).Uniform(RandomPurpose.DataOrder, request);
        double doubled = Math.Min(FirstDelay.TotalSeconds * Math.Pow(2, idle), MaxDelay.TotalSeconds);
        TimeSpan own = TimeSpan.FromSeconds(doubled * (1 - (share / 2)));
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

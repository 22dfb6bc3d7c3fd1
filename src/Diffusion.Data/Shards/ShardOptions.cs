using Microsoft.Extensions.Logging;

namespace Diffusion.Data;

/// <summary>Options for reading shards.</summary>
public sealed record ShardOptions
{
    internal static readonly string[] DefaultImageExtensions =
        ["jpg", "jpeg", "png", "webp", "gif", "bmp", "jpe", "jfif", "jif", "jfi", "pjpeg", "pjp", "apng", "dib"];

    private readonly string? cacheFolder;

    /// <summary>
    /// The folder for indexes, unpacked <c>.tar.gz</c> files and shards from http servers. It is created on first use. If it cannot be
    /// created or written, local <c>.tar</c> files still work, but are scanned at each opening; other shards are an error. Default: the
    /// folder diffusion-net/shards in <c>$XDG_CACHE_HOME</c> or <c>~/.cache</c>, on macOS in <c>~/Library/Caches</c>, on Windows in the
    /// user's local application data.
    /// </summary>
    public string CacheFolder
    {
        get => cacheFolder ?? UserCache.Folder("shards");
        init => cacheFolder = value;
    }

    /// <summary>
    /// The split to use when the names of shards or subfolders contain splits, as in train-000000.tar and val-000000.tar: <c>train</c>,
    /// <c>validation</c>, <c>test</c> or another usual name of a split, or <c>all</c> to mix them. Default null: the only split; a folder
    /// with several splits is an error.
    /// </summary>
    public string? Split { get; init; }

    /// <summary>
    /// The extensions of images, with or without a dot. The image of a sample is the file with the first of these extensions. Default jpg,
    /// jpeg, png, webp, gif, bmp, and the less common extensions of these formats: jpe, jfif, jif, jfi, pjpeg, pjp, apng, dib.
    /// </summary>
    public IReadOnlyList<string> ImageExtensions { get; init; } = DefaultImageExtensions;

    /// <summary>The number of classes. Default null: one more than the largest label.</summary>
    public int? ClassCount { get; init; }

    /// <summary>
    /// Selects the samples to use. Default null: all samples. Called for each sample of a shard whenever the shard is opened, possibly
    /// several times during a run and on several threads, so it must always return the same value. Exceptions are passed on to the caller
    /// that opens the shard.
    /// </summary>
    public Func<ShardSample, bool>? Where { get; init; }

    /// <summary>
    /// Selects the image and the label of a sample: the extension of the image file, and a label of at least 0, or null for none. Default
    /// null: the image by <see cref="ImageExtensions"/>, and the label by the rules in the remarks of <see cref="ShardedImages"/>. Called
    /// like <see cref="Where"/>, for the selected samples.
    /// </summary>
    public Func<ShardSample, (string Extension, int? Label)>? Map { get; init; }

    /// <summary>The maximum unpacked size of one <c>.tar.gz</c> file, in bytes. Default 64 GiB.</summary>
    public long MaxUnpackedBytes { get; init; } = 64L << 30;

    /// <summary>
    /// The maximum number of bytes of unpacked <c>.tar.gz</c> files in the cache. The least recently used are deleted first; those of the
    /// open source are kept even beyond it. Default 256 GiB.
    /// </summary>
    public long UnpackedCacheLimit { get; init; } = 256L << 30;

    /// <summary>
    /// The maximum number of bytes of files from http servers in the cache, including those being fetched, and the maximum size of one
    /// file. The least recently used are deleted first; those in use are kept even beyond it. Default 256 GiB.
    /// </summary>
    public long RemoteCacheLimit { get; init; } = 256L << 30;

    /// <summary>
    /// The client for http servers, for custom proxies, certificates or logins. Its settings apply, and the caller disposes it. Default
    /// null: a client that follows up to ten redirects and uses the proxy from HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
    /// </summary>
    public HttpClient? HttpClient { get; init; }

    /// <summary>
    /// Headers for the hosts of the addresses, such as <c>Authorization</c> or <c>User-Agent</c>. They are never sent to another host after
    /// a redirect, and never appear in errors, logs or file names. Cannot be combined with <see cref="HttpClient"/>. Default: none, with
    /// the User-Agent <c>Diffusion.Training/VERSION</c>.
    /// </summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// Logs a warning when a local copy is used because its server could not be reached to check for changes. Default null: no log.
    /// </summary>
    public ILogger? Logger { get; init; }

    /// <summary>
    /// Whether to skip damaged shards, and samples with invalid labels, and list them in <see cref="ShardedImages.Damaged"/> instead of
    /// throwing. Shards that are missing or cannot be fetched are always an error, because the problem may be temporary. Default false.
    /// </summary>
    public bool SkipDamaged { get; init; }

    /// <summary>Timeouts and retries of requests to http servers.</summary>
    internal RemoteFileOptions Fetching { get; init; } = new() { Folder = string.Empty };
}

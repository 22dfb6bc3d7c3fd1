using Microsoft.Extensions.Logging;

namespace Diffusion.Data;

/// <summary>How shards are read.</summary>
public sealed record ShardOptions
{
    internal static readonly string[] DefaultImageExtensions =
        ["jpg", "jpeg", "png", "webp", "gif", "bmp", "jpe", "jfif", "jif", "jfi", "pjpeg", "pjp", "apng", "dib"];

    private readonly string? cacheFolder;

    /// <summary>
    /// Where indexes, unpacked <c>.tar.gz</c> files and shards of http servers are kept. It is made when something is kept; where it cannot
    /// be made or written, <c>.tar</c> files in folders are read all the same and their indexes are made anew by each opening, while the
    /// others end in an error. Default: the folder diffusion-net/shards in <c>$XDG_CACHE_HOME</c> or <c>~/.cache</c>, on macOS in
    /// <c>~/Library/Caches</c>, on Windows in the user's local application data.
    /// </summary>
    public string CacheFolder
    {
        get => cacheFolder ?? UserCache.Folder("shards");
        init => cacheFolder = value;
    }

    /// <summary>
    /// Which split is taken where the names of shards or sub-folders say one, as train-000000.tar and val-000000.tar do: a name of
    /// <see cref="DataSplit.RecognizedNames"/>, or <see cref="DataSplit.All"/> for a mixture. Null, the default, for the one that is there;
    /// a folder of several is then an error.
    /// </summary>
    public string? Split { get; init; }

    /// <summary>
    /// The extensions of images, with or without a dot; the first of them that a sample has is its image. Default jpg, jpeg, png, webp,
    /// gif, bmp, and the rarer names of these formats: jpe, jfif, jif, jfi, pjpeg, pjp, apng, dib.
    /// </summary>
    public IReadOnlyList<string> ImageExtensions { get; init; } = DefaultImageExtensions;

    /// <summary>How many classes there are; default one more than the highest label.</summary>
    public int? ClassCount { get; init; }

    /// <summary>
    /// Which samples are used; null, the default, for all. Asked of each sample of a shard whenever that shard is opened, which may be
    /// several times in a run and on several threads: it must always give the same answer. What it throws ends the opening.
    /// </summary>
    public Func<ShardSample, bool>? Where { get; init; }

    /// <summary>
    /// Which file of a sample is its image, and its class; null, the default, for the rules above. Asked as <see cref="Where"/> is, of the
    /// samples that it lets pass.
    /// </summary>
    public Func<ShardSample, (string Extension, int? Label)>? Map { get; init; }

    /// <summary>The most bytes that one <c>.tar.gz</c> may unpack to. Default 64 GiB.</summary>
    public long MaxUnpackedBytes { get; init; } = 64L << 30;

    /// <summary>
    /// The most bytes of unpacked <c>.tar.gz</c> files that are kept. Those used longest ago go first; those of the source itself stay even
    /// beyond it. Default 256 GiB.
    /// </summary>
    public long UnpackedCacheLimit { get; init; } = 256L << 30;

    /// <summary>
    /// The most bytes of files from http servers that are kept, those being fetched included, and that one of them may have. The ones used
    /// longest ago go first; those in use stay even beyond it. Default 256 GiB.
    /// </summary>
    public long RemoteCacheLimit { get; init; } = 256L << 30;

    /// <summary>
    /// The client that asks http servers, for a proxy, certificates, or logins of your own; it stays yours, and its Timeout, proxy,
    /// redirections and default headers hold. Null, the default, for one that follows ten redirections and takes the proxy from HTTP_PROXY,
    /// HTTPS_PROXY and NO_PROXY.
    /// </summary>
    public HttpClient? HttpClient { get; init; }

    /// <summary>
    /// Headers that are sent to the hosts that the addresses name, such as <c>Authorization</c> or <c>User-Agent</c>: never to another host
    /// after a redirection, and never into an error, a log or the name of a file. Not together with <see cref="HttpClient"/>. Default none;
    /// User-Agent is then <c>Diffusion.Training/VERSION</c>.
    /// </summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// Told when a local copy is used although its server could not be asked whether it has changed. Null, the default, for nobody.
    /// </summary>
    public ILogger? Logger { get; init; }

    /// <summary>
    /// Whether shards that are damaged, and samples whose labels cannot be read, are left out and listed in <see
    /// cref="ShardedImages.Damaged"/>, instead of ending in an error. What is missing, or cannot be fetched, is always an error: it may be
    /// back tomorrow. Default false.
    /// </summary>
    public bool SkipDamaged { get; init; }

    /// <summary>How patiently shards are fetched from http servers; where to, and how many are kept, is said above.</summary>
    internal RemoteFileOptions Fetching { get; init; } = new() { Folder = string.Empty };
}

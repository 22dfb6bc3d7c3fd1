using Diffusion.Data;

namespace Diffusion.Tool.RunFiles;

/// <summary>How shards are read: the options of <see cref="ShardOptions"/> by their names. Null, the default, for the library's.</summary>
internal sealed class ShardSection
{
    /// <summary>The folder for indexes, unpacked files and files from http servers.</summary>
    public string? CacheFolder { get; set; }

    /// <summary>The extensions of images, with or without a dot. The image of a sample has the first of them.</summary>
    public string[]? ImageExtensions { get; set; }

    /// <summary>The number of classes, at least 1.</summary>
    public int? ClassCount { get; set; }

    /// <summary>The maximum unpacked size of one .tar.gz file, in bytes.</summary>
    public long? MaxUnpackedBytes { get; set; }

    /// <summary>The maximum number of bytes of unpacked files in the cache.</summary>
    public long? UnpackedCacheLimit { get; set; }

    /// <summary>The maximum number of bytes of files from http servers in the cache.</summary>
    public long? RemoteCacheLimit { get; set; }

    /// <summary>Whether damaged shards, and samples with invalid labels, are skipped.</summary>
    public bool? SkipDamaged { get; set; }

    private (string Name, object? Value)[] Options =>
    [
        ("cacheFolder", CacheFolder),
        ("imageExtensions", ImageExtensions),
        ("classCount", ClassCount),
        ("maxUnpackedBytes", MaxUnpackedBytes),
        ("unpackedCacheLimit", UnpackedCacheLimit),
        ("remoteCacheLimit", RemoteCacheLimit),
        ("skipDamaged", SkipDamaged),
    ];

    /// <summary>The names of the options that have a value.</summary>
    public IEnumerable<string> Given() => Options.Where(option => option.Value is not null).Select(option => option.Name);

    /// <summary>Impossible values, each with its remedy.</summary>
    public IEnumerable<string> Problems()
    {
        if (CacheFolder is { } folder && string.IsNullOrWhiteSpace(folder))
        {
            yield return "data.shards.cacheFolder is empty. Name a folder, or leave it out.";
        }

        if (ImageExtensions is { } extensions && (extensions.Length == 0 || extensions.Any(string.IsNullOrWhiteSpace)))
        {
            yield return "data.shards.imageExtensions has an empty extension, or none. Name some, such as [jpg, png], or leave it out.";
        }

        foreach ((string name, long? value) in ((string, long?)[])
        [
            ("classCount", ClassCount),
            ("maxUnpackedBytes", MaxUnpackedBytes),
            ("unpackedCacheLimit", UnpackedCacheLimit),
            ("remoteCacheLimit", RemoteCacheLimit),
        ])
        {
            if (value is < 1)
            {
                yield return $"data.shards.{name} is {value}, but must be at least 1. Leave it out for the default.";
            }
        }
    }

    /// <summary>The options of the library.</summary>
    /// <param name="split">The split to use; null for the only one.</param>
    public ShardOptions Create(string? split)
    {
        ShardOptions usual = new() { Split = split };
        return usual with
        {
            CacheFolder = CacheFolder ?? usual.CacheFolder,
            ImageExtensions = ImageExtensions ?? usual.ImageExtensions,
            ClassCount = ClassCount,
            MaxUnpackedBytes = MaxUnpackedBytes ?? usual.MaxUnpackedBytes,
            UnpackedCacheLimit = UnpackedCacheLimit ?? usual.UnpackedCacheLimit,
            RemoteCacheLimit = RemoteCacheLimit ?? usual.RemoteCacheLimit,
            SkipDamaged = SkipDamaged ?? usual.SkipDamaged,
        };
    }
}

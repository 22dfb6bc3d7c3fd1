namespace Diffusion.Tool.RunFiles;

/// <summary>The images of a run.</summary>
internal sealed class DataSection
{
    /// <summary>What <see cref="Path"/> contains. Default: found out.</summary>
    public DataKind Source { get; set; } = DataKind.Auto;

    /// <summary>A folder of images or of IDX files, or the pattern of shards. Required.</summary>
    public string? Path { get; set; }

    /// <summary>Height and width of the images in pixels. Required, except for IDX files, which have a size.</summary>
    public int? Size { get; set; }

    /// <summary>3 for RGB, 1 for grayscale. IDX files are always grayscale. Default 3.</summary>
    public int Channels { get; set; } = 3;

    /// <summary>The split to use if there are several, such as <c>train</c>. Default: the only one.</summary>
    public string? Split { get; set; }

    /// <summary>Whether the images are decoded once and stay in memory. Default false.</summary>
    public bool InMemory { get; set; }

    /// <summary>How shards are read; for no other source.</summary>
    public ShardSection Shards { get; set; } = new();

    /// <summary>Random changes of each image.</summary>
    public AugmentationSection Augmentation { get; set; } = new();
}

namespace Diffusion.Data.Parquet;

/// <summary>Which columns of the files are read, and how much is kept in memory.</summary>
public sealed record ParquetImageOptions
{
    /// <summary>
    /// The column with the images: a struct with a binary field <c>bytes</c> (and a text field <c>path</c>, used in errors), or a binary
    /// column. Default null: <c>image</c>, or else <c>img</c>.
    /// </summary>
    public string? ImageColumn { get; init; }

    /// <summary>
    /// The column of whole numbers with the labels. Default <c>label</c>, which may be missing; another name must be there. Null for images
    /// without labels, whatever the files hold.
    /// </summary>
    public string? LabelColumn { get; init; } = ParquetColumns.DefaultLabel;

    /// <summary>How many classes there are, at least 1. Default null: as many as the files name, or else one more than the highest label.</summary>
    public int? ClassCount { get; init; }

    /// <summary>
    /// How many bytes of image files stay in memory, at least 0. The row group that was read last stays even where it is larger, and those
    /// that are being read come on top: give each thread that reads room for two. Default null: as many as the row groups of the default
    /// <see cref="Training.LoadingOptions.ShuffleWindow"/> take, at least 1 GiB, but at most a quarter of the memory that the process may
    /// use. See <see cref="ParquetImages.LargestShuffleWindow"/>.
    /// </summary>
    public long? CacheBytes { get; init; }

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(CacheBytes ?? 0, nameof(CacheBytes));
        if (ClassCount is { } classes)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(classes, 1, nameof(ClassCount));
        }
    }
}

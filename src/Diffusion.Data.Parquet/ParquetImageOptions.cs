namespace Diffusion.Data.Parquet;

/// <summary>Options for the columns, classes and memory of Parquet files.</summary>
public sealed record ParquetImageOptions
{
    /// <summary>
    /// The column with the images: a struct with a binary field <c>bytes</c> and a text field <c>path</c>, a binary column, or a text
    /// column of paths. Without bytes, the file at the path is read, if it is inside the folder of the set. Default null: the only column
    /// with images (by the metadata of Hugging Face's library, or a name such as <c>image</c>, <c>img</c>, <c>jpg</c>); required if there
    /// are several.
    /// </summary>
    public string? ImageColumn { get; init; }

    /// <summary>
    /// The integer column with the labels. Default <c>label</c>; if it is missing, the only column that Hugging Face's metadata marks as a
    /// class label or that is named <c>labels</c>, <c>cls</c>, <c>class</c> or <c>target</c>, or else no labels. Any other column must
    /// exist. Null for images without labels.
    /// </summary>
    public string? LabelColumn { get; init; } = ParquetColumns.DefaultLabel;

    /// <summary>
    /// The split to use, such as <c>train</c>, when the names of files or folders contain splits (<c>train-00000-of-00002.parquet</c>,
    /// <c>default/train/0000.parquet</c>), or <c>all</c> to mix them. Default null: the only split; several splits are an error that lists
    /// them.
    /// </summary>
    public string? Split { get; init; }

    /// <summary>
    /// The number of classes, at least 1. Default null: the number of class names in the files, or else one more than the largest label.
    /// </summary>
    public int? ClassCount { get; init; }

    /// <summary>
    /// The maximum number of bytes of image files in memory, at least 0. The last row group is kept even if it is larger, and row groups
    /// that are being read need additional memory: allow for two per reading thread. Default null: the size of the row groups in the
    /// default <see cref="LoadingOptions.ShuffleWindow"/>, at least 1 GiB, but at most a quarter of the available memory. See
    /// <see cref="ParquetImages.MaxShuffleWindow"/>.
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

namespace Diffusion.Data.Parquet;

/// <summary>Which columns of the files are read, and how much is kept in memory.</summary>
public sealed record ParquetImageOptions
{
    /// <summary>
    /// The column with the images: a struct with a binary field <c>bytes</c> and a text field <c>path</c>, or a binary column, or a text
    /// column of paths. Where bytes are missing, the file at the path is read, if it lies inside the folder of the set. Default null: the
    /// one column that holds images (by the note of Hugging Face's library, or a name such as <c>image</c>, <c>img</c>, <c>jpg</c>); with
    /// several, name one.
    /// </summary>
    public string? ImageColumn { get; init; }

    /// <summary>
    /// The column of whole numbers with the labels. Default <c>label</c>, or where that is missing the one column that is noted as a class
    /// label or is called <c>labels</c>, <c>cls</c>, <c>class</c> or <c>target</c>, or else no labels; another name must be there. Null for
    /// images without labels, whatever the files hold.
    /// </summary>
    public string? LabelColumn { get; init; } = ParquetColumns.DefaultLabel;

    /// <summary>
    /// Which split is taken, as <c>train</c>, where the names of files or folders tell splits (<c>train-00000-of-00002.parquet</c>,
    /// <c>default/train/0000.parquet</c>); <see cref="DataSplit.All"/> mixes them. Default null: all files, but where there are several
    /// splits, opening is an error that names them.
    /// </summary>
    public string? Split { get; init; }

    /// <summary>
    /// How many classes there are, at least 1. Default null: as many as the files name, or else one more than the highest label.
    /// </summary>
    public int? ClassCount { get; init; }

    /// <summary>
    /// How many bytes of image files stay in memory, at least 0. The row group that was read last stays even where it is larger, and those
    /// that are being read come on top: give each thread that reads room for two. Default null: as many as the row groups of the default
    /// <see cref="LoadingOptions.ShuffleWindow"/> take, at least 1 GiB, but at most a quarter of the memory that the process may
    /// use. See <see cref="ParquetImages.MaxShuffleWindow"/>.
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

namespace Shards;

/// <summary>The settings from the command line.</summary>
internal sealed record Settings
{
    /// <summary>The folder of images; its subfolders are classes.</summary>
    public required string Images { get; init; }

    /// <summary>The folder for the shards.</summary>
    public required string Out { get; init; }

    public required int SamplesPerShard { get; init; }

    /// <summary>The seed of the order; null keeps the order of the paths.</summary>
    public int? Shuffle { get; init; }
}

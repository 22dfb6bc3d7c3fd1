namespace Shards;

/// <summary>What the command line asked for.</summary>
internal sealed record Settings
{
    /// <summary>The folder of images; its sub-folders are classes.</summary>
    public required string Images { get; init; }

    /// <summary>The folder that gets the shards.</summary>
    public required string Out { get; init; }

    public required int SamplesPerShard { get; init; }

    /// <summary>What the order is drawn from; null keeps the order of the paths.</summary>
    public int? Shuffle { get; init; }
}

namespace CustomModel;

/// <summary>The settings from the command line.</summary>
internal sealed record Settings
{
    /// <summary>The PNG file to write.</summary>
    public required string Out { get; init; }

    public required int Steps { get; init; }

    public required string Device { get; init; }

    public required long Seed { get; init; }
}

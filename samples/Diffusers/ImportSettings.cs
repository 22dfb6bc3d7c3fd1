using Diffusion;

namespace Diffusers;

/// <summary>The settings from the command line.</summary>
internal sealed record ImportSettings
{
    public required string Folder { get; init; }

    public required string Out { get; init; }

    public required int Count { get; init; }

    public required int? Steps { get; init; }

    public required string? Sampler { get; init; }

    public required string Device { get; init; }

    public required long Seed { get; init; }
}

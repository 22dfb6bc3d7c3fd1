namespace Diffusion.Reporting;

/// <summary>A class of images.</summary>
/// <param name="Label">Its number.</param>
/// <param name="Name">Its name; null if it has none.</param>
/// <param name="Count">The number of its images.</param>
internal sealed record ClassSize(long Label, string? Name, long Count);

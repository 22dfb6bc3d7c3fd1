namespace Diffusion.Sampling;

/// <summary>What determines the noise of an image.</summary>
/// <param name="Seed">The seed.</param>
/// <param name="Index">The index of the image among all images of the seed.</param>
internal readonly record struct SeededImage(long Seed, long Index);

namespace Diffusion.Data;

/// <summary>A part of an image, in whole pixels.</summary>
/// <param name="Left">The first column, from 0.</param>
/// <param name="Top">The first row, from 0.</param>
/// <param name="Width">In pixels, at least 1.</param>
/// <param name="Height">In pixels, at least 1.</param>
public readonly record struct ImageWindow(int Left, int Top, int Width, int Height);

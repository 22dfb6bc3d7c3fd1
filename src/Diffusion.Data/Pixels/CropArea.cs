namespace Diffusion.Data;

/// <summary>The part of an image to resample, in pixels of the image, possibly fractional.</summary>
/// <param name="Left">The left edge; integers are the edges of pixels.</param>
/// <param name="Top">The top edge.</param>
/// <param name="Width">The size, above 0.</param>
/// <param name="Height">The size, above 0.</param>
internal readonly record struct CropArea(double Left, double Top, double Width, double Height);

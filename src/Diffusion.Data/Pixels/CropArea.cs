namespace Diffusion.Data;

/// <summary>A part of an image that new pixels are made of, in the image's own pixels; not always whole ones.</summary>
/// <param name="Left">Where it begins; whole numbers are the pixels' edges.</param>
/// <param name="Top">Where it begins.</param>
/// <param name="Width">Above 0.</param>
/// <param name="Height">Above 0.</param>
internal readonly record struct CropArea(double Left, double Top, double Width, double Height);

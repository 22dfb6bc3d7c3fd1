namespace Diffusion.Data;

/// <summary>How images of other sizes come to the size of a set.</summary>
public enum ImageResize
{
    /// <summary>
    /// The largest square from the middle, or from what <see cref="ImagePreparation.Transforms"/> leave of the image, scaled to the size:
    /// nothing is distorted, the ends of the longer side are lost. Each new pixel is the mean of the area that it covers; enlarging is
    /// linear. A JPEG that is much larger is decoded at a half, quarter or eighth, still at least twice the size: several times faster, and
    /// of photographs of 3024 x 3024 pixels at 64 x 64 no more than 6 of 255 from the exact mean, 0.2 on average.
    /// </summary>
    CropToFill,

    /// <summary>Not at all: an image that has another size, after crops and resizes among the transforms, is an error.</summary>
    None,
}

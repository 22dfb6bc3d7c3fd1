namespace Diffusion.Training;

/// <summary>Where a square is cut out of an image.</summary>
public enum ImageCrop
{
    /// <summary>In the middle, always.</summary>
    Center,

    /// <summary>Anywhere, anew each time that the image is trained on; in the middle when it is only measured.</summary>
    Random,
}

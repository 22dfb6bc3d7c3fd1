namespace Diffusion.Training;

/// <summary>How images of other sizes come to the size of a set.</summary>
public enum ImageResize
{
    /// <summary>The largest square from the middle, scaled to the size: nothing is distorted, the ends of the longer side are lost.</summary>
    CropToFill,

    /// <summary>Not at all: an image of another size is an error.</summary>
    None,
}

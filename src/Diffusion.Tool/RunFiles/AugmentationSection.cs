namespace Diffusion.Tool.RunFiles;

/// <summary>The random changes of each image. Default none.</summary>
internal sealed class AugmentationSection
{
    /// <summary>A random square part; the number is the smallest fraction of the shorter side, in (0, 1]. Default null: none.</summary>
    public double? RandomSquare { get; set; }

    /// <summary>A random part with a random aspect ratio; the number is the smallest fraction of the area. Default null: none.</summary>
    public double? RandomResizedCrop { get; set; }

    /// <summary>The probability of a horizontal flip. Default 0.</summary>
    public double Flip { get; set; }

    /// <summary>The probability that an image becomes gray. Default 0.</summary>
    public double Grayscale { get; set; }

    /// <summary>The strength of a random change of brightness. Default 0.</summary>
    public double Brightness { get; set; }

    /// <summary>The strength of a random change of contrast. Default 0.</summary>
    public double Contrast { get; set; }

    /// <summary>The strength of a random change of saturation. Default 0.</summary>
    public double Saturation { get; set; }

    /// <summary>The strength of a random change of hue. Default 0.</summary>
    public double Hue { get; set; }
}

using System.Globalization;

namespace Diffusion.Data;

/// <summary>Implements <see cref="ImageTransform.ColorJitter"/>.</summary>
internal sealed class ColorJitterTransform : PixelTransform
{
    private const int Changes = 4;
    private const int OrderDraw = 4;
    private const int Orders = 24; // of four changes

    private readonly double brightness;
    private readonly double contrast;
    private readonly double saturation;
    private readonly double hue;

    public ColorJitterTransform(double brightness, double contrast, double saturation, double hue)
        : base("ColorJitter", isRandom: true)
    {
        this.brightness = Checked(brightness, double.MaxValue, nameof(brightness));
        this.contrast = Checked(contrast, double.MaxValue, nameof(contrast));
        this.saturation = Checked(saturation, double.MaxValue, nameof(saturation));
        this.hue = Checked(hue, 0.5, nameof(hue));
        if (brightness + contrast + saturation + hue == 0)
        {
            throw new ArgumentException(
                "ColorJitter changes nothing: brightness, contrast, saturation and hue are all 0. Raise one, or remove the transform.");
        }
    }

    public override void Apply(ImageCanvas image, SeedStream draws)
    {
        ColorPlanes planes = new(image);
        int order = (int)(draws.Uniform(RandomPurpose.Augmentation, OrderDraw) * Orders);
        Span<int> left = [0, 1, 2, 3];
        for (int count = Changes; count > 0; count--)
        {
            (order, int place) = Math.DivRem(order, count);
            Change(planes, left[place], draws);
            left[(place + 1)..count].CopyTo(left[place..]);
        }

        planes.Close();
    }

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture,
            $"{Name}(brightness {brightness}, contrast {contrast}, saturation {saturation}, hue {hue})");

    internal override string? ProblemWith(int channels) => channels switch
    {
        1 when saturation > 0 || hue > 0 => "ColorJitter changes saturation or hue, but grayscale images have neither. Set both to 0.",
        1 or 3 => null,
        _ => $"ColorJitter needs images of 1 or 3 channels, but these have {channels}. Remove the transform.",
    };

    private static double Checked(double value, double max, string name) => value >= 0 && value <= max
        ? value
        : throw new ArgumentOutOfRangeException(
            name, value, max == double.MaxValue
                ? $"The {name} is {value}, but must be at least 0. Use 0.2."
                : $"The {name} is {value}, but must be in 0..{max}. Use 0.05.");

    private static float Factor(double strength, int which, SeedStream draws)
    {
        double min = Math.Max(0, 1 - strength);
        return (float)(min + ((1 + strength - min) * draws.Uniform(RandomPurpose.Augmentation, which)));
    }

    private void Change(ColorPlanes planes, int which, SeedStream draws)
    {
        switch (which)
        {
            case 0 when brightness > 0:
                float light = Factor(brightness, which, draws);
                planes.Scale(light, light - 1);
                break;
            case 1 when contrast > 0:
                float factor = Factor(contrast, which, draws);
                planes.Scale(factor, (1 - factor) * planes.MeanGray());
                break;
            case 2 when saturation > 0:
                planes.Saturate(Factor(saturation, which, draws));
                break;
            case 3 when hue > 0:
                planes.TurnHue((float)(hue * ((2 * draws.Uniform(RandomPurpose.Augmentation, which)) - 1)));
                break;
            default:
                break;
        }
    }
}

namespace Diffusion.Data;

/// <summary>Selects a part of an image, or changes its nominal size.</summary>
internal sealed class WindowTransform : ImageTransform
{
    private readonly string? settings;
    private readonly Func<ImageFrame, (int Width, int Height), SeedStream?, ImageFrame> choose;

    /// <param name="name">The name of the transform.</param>
    /// <param name="settings">The settings as text; null for none.</param>
    /// <param name="isRandom">Whether it is random.</param>
    /// <param name="choose">
    /// Given the current frame, the final size, and the random stream (null for a measurement), returns the new frame.
    /// </param>
    public WindowTransform(
        string name, string? settings, bool isRandom, Func<ImageFrame, (int Width, int Height), SeedStream?, ImageFrame> choose)
        : base(name, isRandom)
    {
        this.settings = settings;
        this.choose = choose;
    }

    /// <summary>Applies the transform.</summary>
    public ImageFrame Apply(ImageFrame frame, (int Width, int Height) target, SeedStream? draws) => choose(frame, target, draws);

    public override string ToString() => settings is null ? Name : $"{Name}({settings})";
}

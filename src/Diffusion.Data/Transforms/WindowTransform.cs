namespace Diffusion.Data;

/// <summary>Chooses the part of an image that is kept, or the size that it counts as.</summary>
internal sealed class WindowTransform : ImageTransform
{
    private readonly string? settings;
    private readonly Func<ImageFrame, (int Width, int Height), SeedStream?, ImageFrame> choose;

    /// <param name="name">The transform's name.</param>
    /// <param name="settings">What it was made with, in words; null for nothing.</param>
    /// <param name="isRandom">Whether it draws.</param>
    /// <param name="choose">
    /// Given what is kept so far, the size of the set, and what to draw from (null for a measurement), what is kept of it.
    /// </param>
    public WindowTransform(
        string name, string? settings, bool isRandom, Func<ImageFrame, (int Width, int Height), SeedStream?, ImageFrame> choose)
        : base(name, isRandom)
    {
        this.settings = settings;
        this.choose = choose;
    }

    /// <summary>What is kept.</summary>
    public ImageFrame Apply(ImageFrame frame, (int Width, int Height) target, SeedStream? draws) => choose(frame, target, draws);

    public override string ToString() => settings is null ? Name : $"{Name}({settings})";
}

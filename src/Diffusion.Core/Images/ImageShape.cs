namespace Diffusion;

/// <summary>The size of one image as the network sees it: channels, height, width.</summary>
/// <param name="Channels">1 for gray, 3 for RGB.</param>
/// <param name="Height">In pixels.</param>
/// <param name="Width">In pixels.</param>
public readonly record struct ImageShape(int Channels, int Height, int Width)
{
    /// <summary>How many numbers one image has.</summary>
    public long Elements => (long)Channels * Height * Width;

    /// <summary>A square image.</summary>
    /// <param name="size">Height and width in pixels.</param>
    /// <param name="channels">1 for gray, 3 for RGB.</param>
    public static ImageShape Square(int size, int channels = 3) => new(channels, size, size);

    /// <summary><c>channels x height x width</c>.</summary>
    public override string ToString() => $"{Channels} x {Height} x {Width}";
}

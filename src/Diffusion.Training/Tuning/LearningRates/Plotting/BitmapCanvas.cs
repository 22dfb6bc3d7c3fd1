namespace Diffusion.Training;

/// <summary>A plot as pixels, with smooth edges.</summary>
internal sealed class BitmapCanvas : IPlotCanvas
{
    private const int Channels = 3;
    private const int LetterScale = 2;

    private readonly int width;
    private readonly int height;
    private readonly byte[] pixels;

    public BitmapCanvas(int width, int height)
    {
        this.width = width;
        this.height = height;
        pixels = new byte[width * height * Channels];
        Array.Fill(pixels, (byte)255);
    }

    public void Line(IReadOnlyList<PlotPoint> points, RgbColor color, double width)
    {
        for (int i = 1; i < points.Count; i++)
        {
            Segment(points[i - 1], points[i], color, width / 2);
        }
    }

    public void Text(string text, PlotPoint at, PlotAnchor anchor, RgbColor color)
    {
        double wide = text.Length * PixelFont.Advance * LetterScale;
        int left = (int)Math.Round(at.X - (anchor == PlotAnchor.Start ? 0 : anchor == PlotAnchor.Middle ? wide / 2 : wide));
        int top = (int)Math.Round(at.Y) - (PixelFont.BaseLine * LetterScale);
        foreach ((int place, char letter) in text.Index())
        {
            foreach ((int column, int row) in PixelFont.DotsOf(letter))
            {
                for (int dot = 0; dot < LetterScale * LetterScale; dot++)
                {
                    int x = left + (((place * PixelFont.Advance) + column) * LetterScale) + (dot % LetterScale);
                    Blend(x, top + (row * LetterScale) + (dot / LetterScale), color, 1);
                }
            }
        }
    }

    /// <summary>The picture so far.</summary>
    public DecodedImage ToImage() => new(width, height, Channels, (byte[])pixels.Clone());

    // A pixel is covered by how near its middle is to the line.
    private void Segment(PlotPoint from, PlotPoint to, RgbColor color, double reach)
    {
        (double dx, double dy) = (to.X - from.X, to.Y - from.Y);
        double length = Math.Max(1e-9, (dx * dx) + (dy * dy));
        for (int y = (int)(Math.Min(from.Y, to.Y) - reach - 1); y <= Math.Max(from.Y, to.Y) + reach + 1; y++)
        {
            for (int x = (int)(Math.Min(from.X, to.X) - reach - 1); x <= Math.Max(from.X, to.X) + reach + 1; x++)
            {
                (double px, double py) = (x + 0.5 - from.X, y + 0.5 - from.Y);
                double along = Math.Clamp(((px * dx) + (py * dy)) / length, 0, 1);
                double distance = Math.Sqrt(Math.Pow(px - (along * dx), 2) + Math.Pow(py - (along * dy), 2));
                Blend(x, y, color, Math.Clamp(reach + 0.5 - distance, 0, 1));
            }
        }
    }

    private void Blend(int x, int y, RgbColor color, double share)
    {
        if (x < 0 || x >= width || y < 0 || y >= height)
        {
            return;
        }

        Span<byte> pixel = pixels.AsSpan(((y * width) + x) * Channels, Channels);
        pixel[0] = Mix(pixel[0], color.Red, share);
        pixel[1] = Mix(pixel[1], color.Green, share);
        pixel[2] = Mix(pixel[2], color.Blue, share);
    }

    private static byte Mix(byte paper, byte paint, double share) => (byte)(paper + ((paint - paper) * share) + 0.5);
}

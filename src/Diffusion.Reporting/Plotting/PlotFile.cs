using System.Text;
using ScottPlot;

namespace Diffusion.Reporting;

/// <summary>Turns plots into files and pictures.</summary>
internal static class PlotFile
{
    /// <summary>The width in pixels.</summary>
    public const int Width = 1000;

    /// <summary>The height in pixels.</summary>
    public const int Height = 600;

    private const int PageWidth = 560;
    private const int PageHeight = 340;
    private const double PageScale = 2; // sharp on phones

    private const string Png = ".png";
    private const string Svg = ".svg";

    /// <summary>Draws a plot as a PNG of 1120 x 680 pixels for a page that shows it at half this size.</summary>
    /// <param name="draw">Fills the plot.</param>
    public static byte[] ForPage(Action<Plot> draw)
    {
        using Plot plot = PlotStyle.NewPlot();
        plot.ScaleFactor = PageScale;
        draw(plot);
        return plot.GetImageBytes((int)(PageWidth * PageScale), (int)(PageHeight * PageScale), ScottPlot.ImageFormat.Png);
    }

    /// <summary>Draws a plot and writes it atomically. An existing file is replaced, and a missing folder is created.</summary>
    /// <param name="path">A path that ends in <c>.png</c> or <c>.svg</c>, in any case.</param>
    /// <param name="draw">Fills the plot. Called only if the extension is valid.</param>
    /// <exception cref="ArgumentException">The path has another extension.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(string path, Action<Plot> draw)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        string extension = Path.GetExtension(path);
        bool isSvg = extension.Equals(Svg, StringComparison.OrdinalIgnoreCase);
        if (!isSvg && !extension.Equals(Png, StringComparison.OrdinalIgnoreCase))
        {
            string found = extension.Length == 0 ? "no extension" : $"the extension '{extension}'";
            throw new ArgumentException(
                $"The path '{path}' has {found}, but plots are saved as {Png} or {Svg}. Use '{Path.ChangeExtension(path, Png)}'.",
                nameof(path));
        }

        using Plot plot = PlotStyle.NewPlot();
        draw(plot);
        byte[] bytes = isSvg
            ? Encoding.UTF8.GetBytes(PlotFont.WithFallbacks(plot.GetSvgXml(Width, Height)))
            : plot.GetImageBytes(Width, Height, ScottPlot.ImageFormat.Png);
        AtomicFile.WriteWithFolder(path, bytes);
    }
}

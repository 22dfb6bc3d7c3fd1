using System.Text;
using ScottPlot;

namespace Diffusion.Reporting;

/// <summary>Writes a plot as PNG or SVG, by the ending of its path.</summary>
internal static class PlotFile
{
    /// <summary>In pixels.</summary>
    public const int Width = 1000;

    /// <summary>In pixels.</summary>
    public const int Height = 600;

    private const string Png = ".png";
    private const string Svg = ".svg";

    /// <summary>Draws a plot and writes it: whole or not at all. An older file is replaced, a missing folder is made.</summary>
    /// <param name="path">Ends in <c>.png</c> or <c>.svg</c>, in capitals or not.</param>
    /// <param name="draw">Fills the plot; called only if the path is one that can be written.</param>
    /// <exception cref="ArgumentException">The path has another ending.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(string path, Action<Plot> draw)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        string ending = Path.GetExtension(path);
        bool isSvg = ending.Equals(Svg, StringComparison.OrdinalIgnoreCase);
        if (!isSvg && !ending.Equals(Png, StringComparison.OrdinalIgnoreCase))
        {
            string found = ending.Length == 0 ? "no ending" : $"the ending '{ending}'";
            throw new ArgumentException(
                $"The path '{path}' has {found}, but a plot is written as {Png} or {Svg}. Use '{Path.ChangeExtension(path, Png)}'.",
                nameof(path));
        }

        using Plot plot = PlotStyle.NewPlot();
        draw(plot);
        byte[] bytes = isSvg
            ? Encoding.UTF8.GetBytes(PlotFont.WithFallbacks(plot.GetSvgXml(Width, Height)))
            : plot.GetImageBytes(Width, Height, ImageFormat.Png);
        string target = Path.GetFullPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        AtomicFile.Write(target, bytes);
    }
}

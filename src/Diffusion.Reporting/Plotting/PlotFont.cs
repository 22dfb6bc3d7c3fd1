using ScottPlot;
using SkiaSharp;

namespace Diffusion.Reporting;

/// <summary>
/// The font of the plots: Latin, Greek and Cyrillic letters in one weight, and a box for any other. It is a resource of this assembly.
/// </summary>
internal sealed class PlotFont : IFontResolver
{
    private const string Resource = "DejaVuSans-european.ttf";

    private const string Family = "DejaVu Sans";

    private PlotFont()
    {
    }

    /// <summary>The name of the font in plots. No installed font has this name.</summary>
    public static string Name { get; } = Register();

    /// <summary>Adds fonts of similar width, for computers that show an SVG but do not have this font.</summary>
    public static string WithFallbacks(string svg) => svg.Replace(
        $"font-family=\"{Family}\"", $"font-family=\"{Family}, Verdana, sans-serif\"", StringComparison.Ordinal);

    /// <inheritdoc/>
    public SKTypeface? CreateTypeface(string fontName, FontWeight weight, FontSlant slant, FontSpacing spacing) =>
        fontName == Name ? SKTypeface.FromStream(typeof(PlotFont).Assembly.GetManifestResourceStream(Resource)) : null;

    /// <inheritdoc/>
    public SKTypeface? CreateTypeface(string fontName, bool bold, bool italic) =>
        CreateTypeface(fontName, FontWeight.Normal, FontSlant.Upright, FontSpacing.Normal);

    private static string Register()
    {
        ScottPlot.Fonts.FontResolvers.Add(new PlotFont());
        return $"Diffusion.Reporting {Family}";
    }
}

using System.Globalization;
using System.Security;
using System.Text;

namespace Diffusion.Training;

/// <summary>A plot as SVG.</summary>
internal sealed class SvgCanvas : IPlotCanvas
{
    private readonly StringBuilder svg = new();

    public SvgCanvas(int width, int height) => svg.Append(
        CultureInfo.InvariantCulture,
        $"""
        <svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">
        <rect width="{width}" height="{height}" fill="#ffffff"/>

        """);

    public void Line(IReadOnlyList<PlotPoint> points, RgbColor color, double width)
    {
        string places = string.Join(' ',
            points.Select(point => string.Create(CultureInfo.InvariantCulture, $"{point.X:0.##},{point.Y:0.##}")));
        svg.Append(CultureInfo.InvariantCulture,
            $"<polyline points=\"{places}\" fill=\"none\" stroke=\"{Hex(color)}\" stroke-width=\"{width}\"/>\n");
    }

    public void Text(string text, PlotPoint at, PlotAnchor anchor, RgbColor color) => svg.Append(
        CultureInfo.InvariantCulture,
        $"<text x=\"{at.X:0.##}\" y=\"{at.Y:0.##}\" text-anchor=\"{Name(anchor)}\" font-family=\"monospace\" font-size=\"18\" "
            + $"fill=\"{Hex(color)}\">{SecurityElement.Escape(text)}</text>\n");

    public override string ToString() => svg + "</svg>\n";

    private static string Hex(RgbColor color) => $"#{color.Red:x2}{color.Green:x2}{color.Blue:x2}";

    private static string Name(PlotAnchor anchor) => anchor switch
    {
        PlotAnchor.Start => "start",
        PlotAnchor.Middle => "middle",
        _ => "end",
    };
}

using System.Globalization;
using System.Xml.Linq;

namespace Diffusion.Reporting.Tests;

/// <summary>A plot that was written as SVG, read back.</summary>
internal sealed class SvgPlot
{
    private readonly XElement[] elements;

    public SvgPlot(string path)
    {
        XElement root = XDocument.Load(path).Root!;
        root.Name.LocalName.Should().Be("svg");
        (Width, Height) = ((string?)root.Attribute("width"), (string?)root.Attribute("height"));
        elements = [.. root.Descendants()];
    }

    public string? Width { get; }

    public string? Height { get; }

    /// <summary>All texts, in the order in which they are drawn.</summary>
    public IReadOnlyList<string> Texts =>
        [.. elements.Where(element => element.Name.LocalName == "text").Select(element => element.Value.Trim())];

    /// <summary>The places of the longest path of a color, in pixels.</summary>
    public IReadOnlyList<(double X, double Y)> Path(string color) =>
        elements.Where(element => (string?)element.Attribute("stroke") == color).Select(Places).MaxBy(places => places.Length)
            ?? throw new InvalidOperationException($"There is no path of the color {color}.");

    private static (double X, double Y)[] Places(XElement element) => element.Attribute("d") is { } path
        ?
        [
            .. path.Value.Split(['M', 'L'], StringSplitOptions.RemoveEmptyEntries).Select(place => place.Split(' '))
                .Select(place => (Number(place[0]), Number(place[1]))),
        ]
        : [(Number(element.Attribute("x1")?.Value), Number(element.Attribute("y1")?.Value))];

    private static double Number(string? text) => double.Parse(text ?? "NaN", CultureInfo.InvariantCulture);
}

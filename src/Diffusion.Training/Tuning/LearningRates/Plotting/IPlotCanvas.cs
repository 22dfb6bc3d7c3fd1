namespace Diffusion.Training;

/// <summary>What a plot is drawn on. Places are in pixels from the upper left corner.</summary>
internal interface IPlotCanvas
{
    /// <summary>Draws straight lines from point to point.</summary>
    void Line(IReadOnlyList<PlotPoint> points, RgbColor color, double width);

    /// <summary>Writes one line of text.</summary>
    /// <param name="text">Lower-case letters, digits, and signs that <see cref="PixelFont"/> has.</param>
    /// <param name="at">Where its base line begins, or has its middle or end, as the anchor says.</param>
    /// <param name="anchor">Which part of the text lies there.</param>
    /// <param name="color">Of the letters.</param>
    void Text(string text, PlotPoint at, PlotAnchor anchor, RgbColor color);
}

/// <summary>A place in a plot, in pixels.</summary>
internal readonly record struct PlotPoint(double X, double Y);

/// <summary>Which part of a text lies at its place.</summary>
internal enum PlotAnchor
{
    /// <summary>Its left end.</summary>
    Start,

    /// <summary>Its middle.</summary>
    Middle,

    /// <summary>Its right end.</summary>
    End,
}

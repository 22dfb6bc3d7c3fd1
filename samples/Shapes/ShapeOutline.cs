namespace Samples;

/// <summary>
/// The signed distance of a point from the outline of each shape of <see cref="DrawnShapes"/>: negative inside. The shapes are centered at
/// (0, 0) with a radius of about one unit; y points down.
/// </summary>
internal static class ShapeOutline
{
    private const double Bound = 1.06;

    private static readonly Polygon Square = new(0.12, (-0.66, -0.66), (0.66, -0.66), (0.66, 0.66), (-0.66, 0.66));
    private static readonly Polygon Triangle = new(0.14, (0, -0.82), (0.74, 0.48), (-0.74, 0.48));
    private static readonly Polygon Diamond = new(0.08, (0, -0.9), (0.56, 0), (0, 0.9), (-0.56, 0));
    private static readonly Polygon Hexagon = new(0.06, Spokes(6, 0.88));
    private static readonly Polygon Star = new(0.08, Spokes(10, 0.9, 0.42));
    private static readonly Polygon Cross = new(
        0.07,
        (-0.24, -0.82), (0.24, -0.82), (0.24, -0.24), (0.82, -0.24), (0.82, 0.24), (0.24, 0.24),
        (0.24, 0.82), (-0.24, 0.82), (-0.24, 0.24), (-0.82, 0.24), (-0.82, -0.24), (-0.24, -0.24));

    /// <summary>The distance in units. It is exact near the outline; far away it may be a lower bound.</summary>
    public static double Distance(int label, double x, double y)
    {
        double fromMiddle = Length(x, y);
        return fromMiddle > Bound + 0.25 ? fromMiddle - Bound : label switch
        {
            0 => fromMiddle - 0.86,
            1 => Square.Distance(x, y),
            2 => Triangle.Distance(x, y),
            3 => Star.Distance(x, y),
            4 => Math.Abs(fromMiddle - 0.68) - 0.23,
            5 => Cross.Distance(x, y),
            6 => Heart(x, y),
            7 => Crescent(x, y),
            8 => Diamond.Distance(x, y),
            _ => Hexagon.Distance(x, y),
        };
    }

    // A square standing on a corner, with a half disc on each upper side.
    private static double Heart(double x, double y)
    {
        const double Scale = 0.76;
        const double HalfSide = 0.70710678118654752;
        double acrossX = Math.Abs(x) / Scale;
        double down = (y / Scale) - 0.1;
        double square = Box((acrossX + down) * HalfSide, (acrossX - down) * HalfSide, HalfSide - 0.06) - 0.06;
        double disc = Length(acrossX - 0.5, down + 0.5) - HalfSide;
        return Math.Min(square, disc) * Scale;
    }

    // A disc minus another disc.
    private static double Crescent(double x, double y)
    {
        double shifted = x - 0.18;
        return Math.Max(Length(shifted, y) - 0.92, 0.74 - Length(shifted - 0.42, y + 0.12));
    }

    private static double Box(double x, double y, double half)
    {
        double beyondX = Math.Abs(x) - half;
        double beyondY = Math.Abs(y) - half;
        return Length(Math.Max(beyondX, 0), Math.Max(beyondY, 0)) + Math.Min(Math.Max(beyondX, beyondY), 0);
    }

    private static double Length(double x, double y) => Math.Sqrt((x * x) + (y * y));

    // Rounded, so that the result does not depend on the platform's sine.
    private static (double X, double Y)[] Spokes(int count, params double[] radii) =>
    [
        .. Enumerable.Range(0, count).Select(i => (
            Math.Round(radii[i % radii.Length] * Math.Sin(2 * Math.PI * i / count), 6),
            Math.Round(-radii[i % radii.Length] * Math.Cos(2 * Math.PI * i / count), 6))),
    ];
}

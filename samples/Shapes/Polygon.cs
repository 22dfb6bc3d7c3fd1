namespace Samples;

/// <summary>A polygon with rounded corners.</summary>
internal sealed class Polygon
{
    private readonly Side[] sides;
    private readonly double rounding;

    /// <param name="rounding">The distance of the outline from the polygon, outwards.</param>
    /// <param name="corners">The corners in order.</param>
    public Polygon(double rounding, params (double X, double Y)[] corners)
    {
        this.rounding = rounding;
        sides = [.. corners.Zip([.. corners.Skip(1), corners[0]], (from, to) => new Side(from.X, from.Y, to.X - from.X, to.Y - from.Y))];
    }

    /// <summary>The distance of a point from the rounded outline, negative inside.</summary>
    public double Distance(double x, double y)
    {
        double nearest = double.MaxValue;
        bool inside = false;
        foreach (ref readonly Side side in sides.AsSpan())
        {
            double fromX = x - side.X;
            double fromY = y - side.Y;
            double along = Math.Clamp(((fromX * side.AcrossX) + (fromY * side.AcrossY)) * side.InverseSquare, 0, 1);
            double gapX = fromX - (along * side.AcrossX);
            double gapY = fromY - (along * side.AcrossY);
            nearest = Math.Min(nearest, (gapX * gapX) + (gapY * gapY));

            // A point is inside when a line from it to the right crosses an odd number of sides.
            if ((fromY < 0) != (fromY < side.AcrossY) && fromX < fromY * side.Slope)
            {
                inside = !inside;
            }
        }

        return (inside ? -Math.Sqrt(nearest) : Math.Sqrt(nearest)) - rounding;
    }

    private readonly record struct Side(double X, double Y, double AcrossX, double AcrossY)
    {
        public double InverseSquare { get; } = 1 / ((AcrossX * AcrossX) + (AcrossY * AcrossY));

        public double Slope { get; } = AcrossX / AcrossY;
    }
}

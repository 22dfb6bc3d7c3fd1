namespace Diffusion.Reporting.Tests;

/// <summary>Compares the places of a curve in a plot with what it shows.</summary>
internal static class LogAxes
{
    private const double Pixels = 0.1;

    /// <summary>
    /// Fails unless the places follow the values: those along the horizontal axis as they are, the losses by their logarithms, upwards.
    /// </summary>
    public static void ShouldHold(IReadOnlyList<(double X, double Y)> places, IReadOnlyList<(double X, double Loss)> values)
    {
        places.Should().HaveSameCount(values);
        (int low, int high) = (IndexOfMin(values), IndexOfMin([.. values.Select(value => (value.X, -value.Loss))]));
        places[low].Y.Should().BeGreaterThan(places[high].Y + 100, "y points down");
        foreach ((int i, (double x, double loss)) in values.Index())
        {
            double right = (x - values[0].X) / (values[^1].X - values[0].X);
            places[i].X.Should().BeApproximately(places[0].X + (right * (places[^1].X - places[0].X)), Pixels, $"x of point {i}");
            double up = Math.Log(loss / values[low].Loss) / Math.Log(values[high].Loss / values[low].Loss);
            places[i].Y.Should().BeApproximately(places[low].Y + (up * (places[high].Y - places[low].Y)), Pixels, $"y of point {i}");
        }
    }

    private static int IndexOfMin(IReadOnlyList<(double X, double Loss)> values) => values.Index().MinBy(value => value.Item.Loss).Index;
}

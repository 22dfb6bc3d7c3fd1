namespace Diffusion.Training;

/// <summary>
/// A straight line through the neighbors of each loss on both sides, the near ones weighing more (tricube weights, Cleveland 1979), read
/// at its place; of the losses' logarithms, so that an explosion does not outweigh what was before it. An average of past losses would show
/// every turn too late, at too high a rate.
/// </summary>
internal static class LrSmoothing
{
    /// <summary>Lower losses count as this one, which has a logarithm.</summary>
    public const double LeastLoss = 1e-30;

    private const double Decades = 0.15;
    private const int MinNeighbors = 2;

    /// <summary>Smooths losses at rates of which each is the same multiple of the one before.</summary>
    /// <param name="losses">Finite ones.</param>
    /// <param name="decadesPerStep">From one rate to the next.</param>
    public static double[] Smooth(IReadOnlyList<double> losses, double decadesPerStep) =>
        Smooth(losses, (int)(Decades / decadesPerStep));

    /// <summary>Smooths evenly spaced losses.</summary>
    /// <param name="losses">Finite ones.</param>
    /// <param name="neighbors">How many on either side count; fewer than two count as two.</param>
    public static double[] Smooth(IReadOnlyList<double> losses, int neighbors)
    {
        int reach = Math.Max(MinNeighbors, neighbors);
        double[] logarithms = [.. losses.Select(loss => Math.Log(Math.Max(LeastLoss, loss)))];
        return [.. Enumerable.Range(0, losses.Count).Select(at => Math.Exp(LineAt(logarithms, at, reach)))];
    }

    private static double LineAt(double[] values, int at, int reach)
    {
        int first = Math.Max(0, at - reach);
        int last = Math.Min(values.Length - 1, at + reach);
        double weights = 0, meanX = 0, meanY = 0;
        for (int i = first; i <= last; i++)
        {
            double weight = Weight(i - at, reach);
            weights += weight;
            meanX += weight * (i - at);
            meanY += weight * values[i];
        }

        (meanX, meanY) = (meanX / weights, meanY / weights);
        double covariance = 0, variance = 0;
        for (int i = first; i <= last; i++)
        {
            double weight = Weight(i - at, reach);
            covariance += weight * (i - at - meanX) * (values[i] - meanY);
            variance += weight * (i - at - meanX) * (i - at - meanX);
        }

        return variance == 0 ? meanY : meanY - (meanX * covariance / variance);
    }

    private static double Weight(int distance, int reach)
    {
        double share = Math.Abs(distance) / (reach + 1.0);
        double cube = 1 - (share * share * share);
        return cube * cube * cube;
    }
}

namespace Diffusion.Training;

/// <summary>Quantiles of which each run of positions has one in every equal part of [0, 1).</summary>
internal static class StratifiedQuantile
{
    /// <summary>The quantile of a position.</summary>
    /// <param name="position">The position in the run.</param>
    /// <param name="drawn">A uniform number in [0, 1).</param>
    /// <param name="count">How many parts there are: the images of a step.</param>
    public static double At(long position, double drawn, int count) => ((position % count) + drawn) / count;
}

namespace Diffusion.Benchmarks;

/// <summary>The held-out losses of a run.</summary>
/// <param name="Name">The optimizer.</param>
/// <param name="Steps">The steps taken.</param>
/// <param name="Points">The losses by time since the start.</param>
internal sealed record OptimizerCurve(string Name, long Steps, IReadOnlyList<(double Seconds, double Loss)> Points)
{
    /// <summary>The last loss.</summary>
    public (double Seconds, double Loss) Last => Points[^1];

    /// <summary>The seconds until the loss first was at most this; null if it never was.</summary>
    public double? FirstAt(double loss) =>
        Points.Where(point => point.Loss <= loss).Select(point => (double?)point.Seconds).FirstOrDefault();
}

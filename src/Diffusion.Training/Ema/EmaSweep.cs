namespace Diffusion.Training;

/// <summary>A search for the best width of an average after a run, by a metric of the caller.</summary>
public sealed class EmaSweep
{
    private const double MaxDefaultError = 0.1;

    private static readonly double[] Usual = [0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.085, 0.1, 0.12, 0.15, 0.2];

    private EmaSweep(IReadOnlyList<(double SigmaRel, double Value)> points)
    {
        Points = points;
        Best = points.Where(point => !double.IsNaN(point.Value)).MinBy(point => point.Value);
    }

    /// <summary>Each width and the value of its average, in the order in which they were measured.</summary>
    public IReadOnlyList<(double SigmaRel, double Value)> Points { get; }

    /// <summary>The width with the lowest value, and that value.</summary>
    public (double SigmaRel, double Value) Best { get; }

    /// <summary>Reconstructs averages of several widths and measures each.</summary>
    /// <param name="snapshots">The snapshots of the run.</param>
    /// <param name="metric">
    /// Measures a model, for example by the Frechet distance of samples with a fixed seed; lower is better. The model is valid only during
    /// the call.
    /// </param>
    /// <param name="sigmaRels">
    /// The widths, at least one. Null, the default, for those from 0.02 to 0.2 whose profile the snapshots represent with an error of at
    /// most 10%.
    /// </param>
    /// <param name="step">The step of the averages. Null, the default, for the last snapshot.</param>
    /// <param name="reconstruct">
    /// Reconstructs one average, for a network or schedule of your own type or for another device. Null, the default, for
    /// <see cref="PostHocEma.Reconstruct"/> with its defaults.
    /// </param>
    /// <param name="cancellationToken">Ends the sweep between two widths.</param>
    /// <exception cref="ArgumentException">There is no width to try.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A width or the step is outside its range.</exception>
    /// <exception cref="CheckpointException">An average cannot be reconstructed, see <see cref="PostHocEma.Reconstruct"/>.</exception>
    /// <exception cref="InvalidOperationException">Every value is NaN.</exception>
    /// <exception cref="OperationCanceledException">The sweep was canceled.</exception>
    public static EmaSweep Run(PostHocEma snapshots, Func<Denoiser, double> metric, IEnumerable<double>? sigmaRels = null,
        long? step = null, Func<double, TrainedModel>? reconstruct = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(snapshots);
        ArgumentNullException.ThrowIfNull(metric);
        double[] widths = [.. sigmaRels ?? Usual.Where(width => snapshots.ProfileError(width, step) <= MaxDefaultError)];
        if (widths.Length == 0)
        {
            throw new ArgumentException("There must be at least one width to try. Pass widths near those of the snapshots, "
                + $"{string.Join(" and ", snapshots.SigmaRels)}.", nameof(sigmaRels));
        }

        if (reconstruct is null)
        {
            Array.ForEach(widths, width => snapshots.UsableFit(width, step)); // before the first metric is measured
        }

        List<(double SigmaRel, double Value)> points = [];
        foreach (double width in widths)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using TrainedModel model = reconstruct is null ? snapshots.Reconstruct(width, step) : reconstruct(width);
            points.Add((width, metric(model.Denoiser)));
        }

        return points.TrueForAll(point => double.IsNaN(point.Value))
            ? throw new InvalidOperationException($"The metric is NaN for each of the {points.Count} widths. Return a number.")
            : new EmaSweep(points);
    }
}

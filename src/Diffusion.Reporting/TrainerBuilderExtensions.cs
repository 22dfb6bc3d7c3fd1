using Diffusion.Training;

namespace Diffusion.Reporting;

/// <summary>Adds the page of a run to its trainer.</summary>
public static class TrainerBuilderExtensions
{
    /// <summary>
    /// Writes a page about the run into its folder while it trains: <c>report.html</c>, one file without scripts that any browser opens. It
    /// shows samples of the averaged weights, loss, learning rate, gradient norm and speed, the findings, the images, and the plan.
    /// </summary>
    /// <remarks>
    /// The grids of samples are also files in the folder <c>previews</c>, and random training images are in <c>data.png</c>. The run
    /// compares the samples with its data, and reports <see cref="FindingKind.ColorShift"/>, <see cref="FindingKind.NoisySamples"/>,
    /// <see cref="FindingKind.BlurrySamples"/> and <see cref="FindingKind.SimilarSamples"/>. A resumed run continues the page.
    /// </remarks>
    /// <param name="builder">The builder, whose run needs a folder: <see cref="TrainerBuilder.UseCheckpoints"/>.</param>
    /// <param name="options">What the page contains. Null, the default, for the defaults.</param>
    /// <returns>The builder.</returns>
    public static TrainerBuilder WriteReport(this TrainerBuilder builder, RunReportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.ObserveWith(new ReportObserver(options ?? new RunReportOptions()));
    }
}

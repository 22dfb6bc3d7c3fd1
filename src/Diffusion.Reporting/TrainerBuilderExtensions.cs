using Diffusion.Sampling;
using Diffusion.Training;

namespace Diffusion.Reporting;

/// <summary>Adds the page of a run, and images that it samples, to its trainer.</summary>
public static class TrainerBuilderExtensions
{
    /// <summary>
    /// Samples images at regular intervals with the averaged weights, or with the model's own if there is no average. Several processes
    /// (<see cref="TrainerBuilder.UseDistributed"/>) sample them together, each its share, and rank 0 gets all: the images of one process,
    /// apart from rounding in the network.
    /// </summary>
    /// <remarks>
    /// If the sampling fails, in any process, or if <paramref name="use"/> throws, the run continues, and reports
    /// <see cref="FindingKind.CallbackFailed"/>. A cancellation ends the sampling of a single process; several processes complete their
    /// shares. The other processes wait for <paramref name="use"/> as for a preview (<see cref="DistributedOptions.PauseDeadline"/>).
    /// </remarks>
    /// <param name="builder">The builder. Every process makes the same call.</param>
    /// <param name="everySteps">The number of optimizer steps between two samplings, at least 1.</param>
    /// <param name="sampler">
    /// The sampler. In several processes one whose images do not depend on each other (<see cref="ISampler.TreatsImagesAlone"/>), or a
    /// <see cref="SampleRequest.BatchSize"/> of 1.
    /// </param>
    /// <param name="request">
    /// The images, the same at each step. If they have no <see cref="SampleRequest.Shape"/>, it is that of the training images. Its tensors
    /// stay the caller's, and must not be freed before the run has ended.
    /// </param>
    /// <param name="use">Receives the images, on the training thread of rank 0. They are freed after the call.</param>
    /// <returns>The builder.</returns>
    public static TrainerBuilder AddSamples(this TrainerBuilder builder, int everySteps, ISampler sampler, SampleRequest request,
        Action<TrainingSamples> use)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(sampler);
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(use);
        return builder.AddShared(new RequestedSamples(everySteps, sampler, request, use));
    }

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

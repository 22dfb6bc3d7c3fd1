namespace Diffusion.Training;

/// <summary>The progress of a run, reported once per report interval.</summary>
public sealed record TrainingProgress
{
    /// <summary>The number of optimizer steps taken.</summary>
    public required long Step { get; init; }

    /// <summary>The number of optimizer steps in the complete run.</summary>
    public required long Steps { get; init; }

    /// <summary>The number of images seen, including repeats.</summary>
    public required long ImagesSeen { get; init; }

    /// <summary>The mean training loss of the steps since the last report; NaN if all of them were skipped or had no image.</summary>
    public required double Loss { get; init; }

    /// <summary>The number of steps since the last report.</summary>
    public long StepsReported { get; init; }

    /// <summary>The number of steps since the last report that count in the loss: steps that had images and were not skipped.</summary>
    internal long StepsOfLoss { get; init; }

    /// <summary>The standard deviation of the training loss over the steps since the last report.</summary>
    public double LossDeviation { get; init; }

    /// <summary>
    /// The training loss divided by the loss of a network that always predicts zero: 1 means that nothing has been learned, for any
    /// prediction type.
    /// </summary>
    public double RelativeLoss { get; init; }

    /// <summary>
    /// The boundaries of the log-SNR ranges of <see cref="LossByLogSnr"/>, as natural logarithms of the signal-to-noise ratio alpha^2 /
    /// sigma^2: 4, 0 and -4.
    /// </summary>
    public static IReadOnlyList<double> LogSnrEdges { get; } = [4, 0, -4];

    /// <summary>
    /// The training loss in each of the four log-SNR ranges that <see cref="LogSnrEdges"/> separates, from the least noise to the most; NaN
    /// for a range without images.
    /// </summary>
    public IReadOnlyList<double> LossByLogSnr { get; init; } = [];

    /// <summary>The <see cref="RelativeLoss"/> in the same ranges as <see cref="LossByLogSnr"/>.</summary>
    public IReadOnlyList<double> RelativeLossByLogSnr { get; init; } = [];

    /// <summary>The mean gradient norm since the last report, before clipping.</summary>
    public double MeanGradientNorm { get; init; }

    /// <summary>The maximum gradient norm since the last report, before clipping.</summary>
    public double MaxGradientNorm { get; init; }

    /// <summary>The fraction of steps since the last report whose gradients were clipped, 0 to 1.</summary>
    public double ClippedShare { get; init; }

    /// <summary>The root mean square of the gradients of each block of the network at the last step, by name.</summary>
    public IReadOnlyDictionary<string, double> GradientsByBlock { get; init; } = new Dictionary<string, double>(StringComparer.Ordinal);

    /// <summary>
    /// The first step skipped since the last report, of those that <see cref="SkippedSteps"/> counts; null if there is none.
    /// </summary>
    public long? FirstSkippedStep { get; init; }

    /// <summary>
    /// TorchSharp's count of the live tensors of this process, over all threads. It never falls for parameters of disposed networks, so its
    /// growth alone is not a leak.
    /// </summary>
    public long LiveTensors { get; init; }

    /// <summary>
    /// The parts of the training loop that keep more and more of the tensors that they create on the training thread, and their number;
    /// empty in a healthy run. Tensors that a part keeps once, and tensors of other threads, do not count.
    /// </summary>
    public IReadOnlyDictionary<string, long> LeakedTensors { get; init; } = new Dictionary<string, long>(StringComparer.Ordinal);

    /// <summary>The findings that are new in this report.</summary>
    public IReadOnlyList<HealthFinding> Findings { get; init; } = [];

    /// <summary>
    /// The gradient noise scale in images (McCandlish et al. 2018, appendix A.1). Batches well below it learn about as much per image as
    /// small ones; larger ones learn little more per step. Null before the first measurement.
    /// </summary>
    public double? GradientNoiseScale { get; init; }

    /// <summary>The norm of all gradients at the last step, before clipping.</summary>
    public required double GradientNorm { get; init; }

    /// <summary>The learning rate of the last step.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The EMA decay of the last step; null without an average.</summary>
    public required double? EmaDecay { get; init; }

    /// <summary>
    /// The number of images per second of training time since the last report, without previews, held-out measurements and saves.
    /// </summary>
    public required double ImagesPerSecond { get; init; }

    /// <summary>
    /// The fraction of the training time since the last report spent waiting for images, 0 to 1. More loading workers lower it.
    /// </summary>
    public double DataWaitShare { get; init; }

    /// <summary>The time since this call of <see cref="Trainer.Run"/> started.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>
    /// The estimated time of the remaining steps at the current speed, including measurements, previews and saves, within the time limit.
    /// </summary>
    public required TimeSpan Remaining { get; init; }

    /// <summary>
    /// The loss on the held-out images with the averaged weights, if it was measured since the last report; otherwise null.
    /// </summary>
    public double? HeldOutLoss { get; init; }

    /// <summary>The step at which <see cref="HeldOutLoss"/> was measured; null if it is null.</summary>
    public long? HeldOutLossStep { get; init; }

    /// <summary>
    /// The number of steps skipped in the complete run because their gradients were not finite, or because their norm was above
    /// <see cref="HealthOptions.MaxGradientNorm"/>; without <see cref="OverflowedSteps"/>.
    /// </summary>
    public long SkippedSteps { get; init; }

    /// <summary>
    /// The number of steps skipped in the complete run because their gradients overflowed float16. Each halved the <see cref="LossScale"/>;
    /// a few at the start, and one each time that the scale has grown too far, are usual.
    /// </summary>
    public long OverflowedSteps { get; init; }

    /// <summary>What the loss is multiplied by after the last step; null unless the network computes in float16.</summary>
    public double? LossScale { get; init; }

    /// <summary>
    /// The number of images that could not be read since this call of <see cref="Trainer.Run"/> started. <c>bad-images.jsonl</c> in the run
    /// folder lists them.
    /// </summary>
    public long BadImages { get; init; }
}

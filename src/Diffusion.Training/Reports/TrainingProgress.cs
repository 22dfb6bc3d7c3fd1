namespace Diffusion.Training;

/// <summary>Where a run stands, once per report interval.</summary>
public sealed record TrainingProgress
{
    /// <summary>Optimizer steps made.</summary>
    public required long Step { get; init; }

    /// <summary>Optimizer steps of the whole run.</summary>
    public required long Steps { get; init; }

    /// <summary>Images seen, repeats counted.</summary>
    public required long ImagesSeen { get; init; }

    /// <summary>
    /// The mean training loss of the steps since the last report; not a number when all of them were skipped or had no image left.
    /// </summary>
    public required double Loss { get; init; }

    /// <summary>Steps since the last report.</summary>
    public long StepsReported { get; init; }

    /// <summary>Those of them that count in the loss: that were not skipped, and had images.</summary>
    internal long StepsOfLoss { get; init; }

    /// <summary>The standard deviation of the training loss from step to step since the last report.</summary>
    public double LossDeviation { get; init; }

    /// <summary>
    /// The training loss over that of a network that always answers zero: 1 has learnt nothing, whatever is predicted.
    /// </summary>
    public double RelativeLoss { get; init; }

    /// <summary>
    /// The natural logarithms of the signal-to-noise ratio alpha^2 / sigma^2 that part <see cref="LossByLogSnr"/>: 4, 0 and -4.
    /// </summary>
    public static IReadOnlyList<double> LogSnrEdges { get; } = [4, 0, -4];

    /// <summary>
    /// The training loss by the log-SNR of the noise level, in the four parts that <see cref="LogSnrEdges"/> make, from the least noise to
    /// the most; not a number where no image fell.
    /// </summary>
    public IReadOnlyList<double> LossByLogSnr { get; init; } = [];

    /// <summary><see cref="RelativeLoss"/> in the same parts as <see cref="LossByLogSnr"/>.</summary>
    public IReadOnlyList<double> RelativeLossByLogSnr { get; init; } = [];

    /// <summary>The mean norm of the gradients since the last report, before clipping.</summary>
    public double MeanGradientNorm { get; init; }

    /// <summary>The largest norm of the gradients since the last report, before clipping.</summary>
    public double MaxGradientNorm { get; init; }

    /// <summary>The share of the steps since the last report whose gradients were clipped, 0 to 1.</summary>
    public double ClippedShare { get; init; }

    /// <summary>The root of the mean square of the gradients of each block of the network at the last step, by its name.</summary>
    public IReadOnlyDictionary<string, double> GradientsByBlock { get; init; } = new Dictionary<string, double>(StringComparer.Ordinal);

    /// <summary>The first step since the last report that was skipped, or null when none was.</summary>
    public long? FirstSkippedStep { get; init; }

    /// <summary>
    /// TorchSharp's count of the tensors of this process, of all threads. It never falls for parameters of networks that were disposed, so
    /// that its growth alone is no leak.
    /// </summary>
    public long LiveTensors { get; init; }

    /// <summary>
    /// The parts of the training loop that keep more and more of the tensors that they make on the training thread, and how many; empty in
    /// a healthy run. What a part keeps once, and what other threads make, does not count.
    /// </summary>
    public IReadOnlyDictionary<string, long> LeakedTensors { get; init; } = new Dictionary<string, long>(StringComparer.Ordinal);

    /// <summary>What is wrong since this report.</summary>
    public IReadOnlyList<HealthFinding> Findings { get; init; } = [];

    /// <summary>
    /// The gradient noise scale in images (McCandlish et al. 2018, appendix A.1): batches well below it learn about as much per image as
    /// small ones, larger ones learn little more per step. Null before the first measurement.
    /// </summary>
    public double? GradientNoiseScale { get; init; }

    /// <summary>The norm of all gradients together at the last step, before clipping.</summary>
    public required double GradientNorm { get; init; }

    /// <summary>The learning rate of the last step.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The EMA decay of the last step, or null without an average.</summary>
    public required double? EmaDecay { get; init; }

    /// <summary>Images per second of training since the last report; previews, held-out measurements and saves not counted.</summary>
    public required double ImagesPerSecond { get; init; }

    /// <summary>
    /// The share of the training time since the last report in which images were waited for, 0 to 1; more loading workers lower it.
    /// </summary>
    public double DataWaitShare { get; init; }

    /// <summary>Time since this call of <see cref="Trainer.Run"/> began.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>
    /// The time that the remaining steps will take at the present rate, with measurements, previews and saves as they were so far, and
    /// within the time limit.
    /// </summary>
    public required TimeSpan Remaining { get; init; }

    /// <summary>
    /// The loss of the held-out images under the averaged weights, where it was measured since the last report; else null.
    /// </summary>
    public double? HeldOutLoss { get; init; }

    /// <summary>The step at which <see cref="HeldOutLoss"/> was measured; null with it.</summary>
    public long? HeldOutLossStep { get; init; }

    /// <summary>Steps that changed nothing because their gradients were not finite, over the whole run.</summary>
    public long SkippedSteps { get; init; }

    /// <summary>
    /// Images that could not be read since this call of <see cref="Trainer.Run"/> began. <c>bad-images.jsonl</c> in the run folder lists
    /// them.
    /// </summary>
    public long BadImages { get; init; }
}

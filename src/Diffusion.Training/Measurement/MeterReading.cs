namespace Diffusion.Training;

/// <summary>
/// The measurements between two reports. Losses and norms cover the steps that were not skipped, and are NaN if there were none.
/// </summary>
internal sealed record MeterReading
{
    /// <summary>The mean loss.</summary>
    public required double Loss { get; init; }

    /// <summary>The standard deviation of the loss over the steps.</summary>
    public required double LossDeviation { get; init; }

    /// <summary>The loss divided by the loss of predicting zero.</summary>
    public required double RelativeLoss { get; init; }

    /// <summary>The relative loss for each log-SNR range, from the least noise to the most.</summary>
    public required IReadOnlyList<double> RelativeLosses { get; init; }

    /// <summary>The mean loss for each log-SNR range, from the least noise to the most.</summary>
    public required IReadOnlyList<double> LossByLogSnr { get; init; }

    /// <summary>The gradient norm of the last step.</summary>
    public required double GradientNorm { get; init; }

    /// <summary>The mean gradient norm.</summary>
    public required double MeanGradientNorm { get; init; }

    /// <summary>The largest gradient norm.</summary>
    public required double MaxGradientNorm { get; init; }

    /// <summary>The fraction of steps whose gradients were clipped.</summary>
    public required double ClippedShare { get; init; }

    /// <summary>
    /// The first step that was skipped for another reason than the loss scale, counted from the last reading; null if there is none.
    /// </summary>
    public required long? FirstSkipped { get; init; }

    /// <summary>The number of steps skipped in the complete run, but for those whose loss scale was too large.</summary>
    public required long Skipped { get; init; }

    /// <summary>The number of such steps in a row up to and including the last step.</summary>
    public required long SkippedInARow { get; init; }

    /// <summary>The number of steps skipped in the complete run because the loss scale was too large.</summary>
    public required long Overflowed { get; init; }

    /// <summary>The loss scale; null unless the network computes in float16.</summary>
    public required double? LossScale { get; init; }

    /// <summary>The number of steps taken.</summary>
    public required long Made { get; init; }

    /// <summary>The number of steps that had images.</summary>
    public required long Steps { get; init; }

    /// <summary>The number of steps with images that were not skipped.</summary>
    public required long StepsOfLoss { get; init; }

    /// <summary>The number of steps with images that were skipped, without those whose loss scale was too large.</summary>
    public required long SkippedOfSteps { get; init; }

    /// <summary>The number of steps with images that were skipped because the loss scale was too large.</summary>
    public required long OverflowedOfSteps { get; init; }

    /// <summary>The number of images per second of training time.</summary>
    public required double ImagesPerSecond { get; init; }

    /// <summary>The fraction of the training time spent waiting for images.</summary>
    public required double DataWaitShare { get; init; }
}

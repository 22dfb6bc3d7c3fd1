namespace Diffusion.Training;

/// <summary>
/// What came together between two reports. Numbers of losses and norms are of the steps that were not skipped, and not numbers where there
/// were none.
/// </summary>
internal sealed record MeterReading
{
    /// <summary>The mean loss.</summary>
    public required double Loss { get; init; }

    /// <summary>The standard deviation of the loss from step to step.</summary>
    public required double LossDeviation { get; init; }

    /// <summary>The loss over that of always predicting zero.</summary>
    public required double RelativeLoss { get; init; }

    /// <summary>The same by log-SNR, from the least noise to the most.</summary>
    public required IReadOnlyList<double> RelativeLosses { get; init; }

    /// <summary>The mean loss by log-SNR.</summary>
    public required IReadOnlyList<double> LossByLogSnr { get; init; }

    /// <summary>The gradient norm of the last step.</summary>
    public required double GradientNorm { get; init; }

    /// <summary>The mean gradient norm.</summary>
    public required double MeanGradientNorm { get; init; }

    /// <summary>The largest gradient norm.</summary>
    public required double MaxGradientNorm { get; init; }

    /// <summary>The share of the steps whose gradients were clipped.</summary>
    public required double ClippedShare { get; init; }

    /// <summary>The first step that was skipped, counted from the last reading; null where none was.</summary>
    public required long? FirstSkipped { get; init; }

    /// <summary>Steps skipped in the whole run.</summary>
    public required long Skipped { get; init; }

    /// <summary>How many of the last steps were skipped one after the other.</summary>
    public required long SkippedInARow { get; init; }

    /// <summary>Steps made.</summary>
    public required long Made { get; init; }

    /// <summary>Steps that had images.</summary>
    public required long Steps { get; init; }

    /// <summary>How many of those were skipped.</summary>
    public required long SkippedOfSteps { get; init; }

    /// <summary>Images per second of training.</summary>
    public required double ImagesPerSecond { get; init; }

    /// <summary>The share of the training time in which images were waited for.</summary>
    public required double DataWaitShare { get; init; }
}

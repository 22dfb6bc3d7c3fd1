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

    /// <summary>The mean training loss of the steps since the last report; not a number when all of them were skipped or had no image left.</summary>
    public required double Loss { get; init; }

    /// <summary>The norm of all gradients together at the last step, before clipping.</summary>
    public required double GradientNorm { get; init; }

    /// <summary>The learning rate of the last step.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The EMA decay of the last step, or null without an average.</summary>
    public required double? EmaDecay { get; init; }

    /// <summary>Images per second of training since the last report; previews, measurements and saves not counted.</summary>
    public required double ImagesPerSecond { get; init; }

    /// <summary>The share of the training time since the last report in which images were waited for, 0 to 1; more loading workers lower it.</summary>
    public double DataWaitShare { get; init; }

    /// <summary>Time since this call of <see cref="Trainer.Run"/> began.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>The time the remaining steps will take at the present rate, time limit included.</summary>
    public required TimeSpan Remaining { get; init; }

    /// <summary>The last measured loss of the held-out images under the averaged weights, or null before the first.</summary>
    public double? HeldOutLoss { get; init; }

    /// <summary>Steps that changed nothing because their gradients were not finite, over the whole run.</summary>
    public long SkippedSteps { get; init; }

    /// <summary>Images that could not be read since this call of <see cref="Trainer.Run"/> began; <see cref="BadImageFile"/> lists them.</summary>
    public long BadImages { get; init; }
}

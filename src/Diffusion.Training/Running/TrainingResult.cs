namespace Diffusion.Training;

/// <summary>How a run ended and what came of it.</summary>
public sealed record TrainingResult
{
    /// <summary>Why it ended.</summary>
    public required StopReason StopReason { get; init; }

    /// <summary>Optimizer steps made, over all sittings of the run.</summary>
    public required long Step { get; init; }

    /// <summary>Images seen, repeats counted.</summary>
    public required long ImagesSeen { get; init; }

    /// <summary>The last reported training loss, or null when none was reported.</summary>
    public required double? Loss { get; init; }

    /// <summary>
    /// The model with the averaged weights (its own where there is no average): what sampling wants. Valid until the trainer is disposed.
    /// </summary>
    public required Denoiser EmaDenoiser { get; init; }

    /// <summary>
    /// The model with each average of the weights, by its decay: first <see cref="TrainingOptions.EmaDecay"/>, then
    /// <see cref="TrainingOptions.AdditionalEmaDecays"/>. Empty if there is no average. Valid until the trainer is disposed.
    /// </summary>
    public required IReadOnlyDictionary<double, Denoiser> Averages { get; init; }

    /// <summary>
    /// The model with its own weights, noisy as those of any one step are: for comparisons; samples come from <see cref="EmaDenoiser"/>.
    /// </summary>
    public required Denoiser RawDenoiser { get; init; }

    /// <summary>What was wrong, in the order in which it was found, since this call of <see cref="Trainer.Run"/> began.</summary>
    public required IReadOnlyList<HealthFinding> Findings { get; init; }

    /// <summary>The folder of the last checkpoint, or null when nothing is saved.</summary>
    public required string? Checkpoint { get; init; }
}

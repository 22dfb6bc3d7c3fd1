namespace Diffusion.Training;

/// <summary>How a run ended: with a result or with an error.</summary>
/// <param name="Step">The number of optimizer steps taken.</param>
/// <param name="Result">The result; null after an error.</param>
/// <param name="Error">The exception that <see cref="Trainer.Run"/> throws; null without one.</param>
public sealed record RunEnd(long Step, TrainingResult? Result, Exception? Error);

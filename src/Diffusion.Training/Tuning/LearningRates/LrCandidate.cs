namespace Diffusion.Training;

/// <summary>A learning rate that <see cref="LrConfirmation"/> tried.</summary>
/// <param name="LearningRate">The peak of the rate.</param>
/// <param name="Loss">The loss of the evaluation images after the last step; infinite if training broke.</param>
public sealed record LrCandidate(double LearningRate, double Loss);

namespace Diffusion.Training;

/// <summary>One learning rate of a sweep.</summary>
/// <param name="LearningRate">The rate of the step.</param>
/// <param name="Loss">The loss of the evaluation images after the step.</param>
/// <param name="Smoothed">The loss smoothed over the neighbouring rates, on both sides alike.</param>
public sealed record LrRangePoint(double LearningRate, double Loss, double Smoothed);

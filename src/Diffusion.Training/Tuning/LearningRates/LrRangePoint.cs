namespace Diffusion.Training;

/// <summary>One step of a sweep of the learning rate.</summary>
/// <param name="LearningRate">The rate of the step.</param>
/// <param name="Loss">The loss of the evaluation images after the step.</param>
/// <param name="Smoothed">The loss smoothed over the neighboring rates on both sides. While the sweep runs, it is <paramref
/// name="Loss"/>.</param>
public sealed record LrRangePoint(double LearningRate, double Loss, double Smoothed);

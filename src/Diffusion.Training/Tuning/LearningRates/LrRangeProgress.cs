namespace Diffusion.Training;

/// <summary>Where a sweep of the learning rate stands, once per step.</summary>
/// <param name="Step">Steps made, from 1.</param>
/// <param name="Steps">Steps of the whole sweep.</param>
/// <param name="LearningRate">The rate of the step.</param>
/// <param name="Loss">The loss of the evaluation images after it.</param>
public sealed record LrRangeProgress(int Step, int Steps, double LearningRate, double Loss);

namespace Diffusion.Training;

/// <summary>What a process tells the others at the end of a step.</summary>
/// <param name="LearningRate">The learning rate of the step.</param>
/// <param name="Stop">Why this process wants to stop; null if it does not.</param>
/// <param name="BadImages">The number of images that this process could not read so far.</param>
/// <param name="Pauses">Whether this process has work after the step for which the others wait.</param>
internal readonly record struct StepNote(double LearningRate, StopReason? Stop, long BadImages, bool Pauses);

namespace Diffusion.Sampling;

/// <summary>The progress of sampling, reported after each step.</summary>
/// <param name="ImagesDone">How many images are finished.</param>
/// <param name="ImageCount">How many were requested.</param>
/// <param name="Step">How many steps of the current batch are done, from 1; 0 where there are none to take.</param>
/// <param name="StepCount">How many steps each image takes.</param>
/// <param name="Fraction">The fraction of all work that is done, in (0, 1].</param>
/// <param name="Elapsed">The time since sampling began. A GPU runs asynchronously: a step is reported once it is queued.</param>
public readonly record struct SamplingProgress(int ImagesDone, int ImageCount, int Step, int StepCount, double Fraction, TimeSpan Elapsed);

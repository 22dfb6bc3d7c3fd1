namespace Diffusion.Sampling;

/// <summary>How far sampling is, as told after each step.</summary>
/// <param name="ImagesDone">How many images are finished.</param>
/// <param name="ImageCount">How many were asked for.</param>
/// <param name="Step">How many steps the present batch has done, from 1.</param>
/// <param name="StepCount">How many steps each image takes.</param>
/// <param name="Fraction">The share of the whole work that is done, in (0, 1].</param>
/// <param name="Elapsed">Since sampling began. A GPU works behind: a step is told of when it has been asked for.</param>
public readonly record struct SamplingProgress(int ImagesDone, int ImageCount, int Step, int StepCount, double Fraction, TimeSpan Elapsed);

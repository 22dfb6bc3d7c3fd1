namespace Diffusion.Sampling;

/// <summary>The noise levels that a sampler visits. A grid holds only options, no state.</summary>
public interface ISamplingGrid
{
    /// <summary>The number of steps, for a grid that has only one; null for a grid of any number. Default null.</summary>
    int? Steps => null;

    /// <summary>The maximum number of steps on a schedule; null where there is none. Default null.</summary>
    /// <param name="schedule">The schedule of the model.</param>
    int? MaxSteps(INoiseSchedule schedule) => null;

    /// <summary>
    /// Whether sampling starts from noise alone even where there are <see cref="SampleRequest.StartImages"/>, because nothing of them is
    /// kept: with a strength of 1. Default false.
    /// </summary>
    bool StartsFromNoise => false;

    /// <summary>Lists the reasons why no such grid exists, each with its remedy; empty when it exists.</summary>
    /// <param name="schedule">The schedule of the model.</param>
    /// <param name="steps">How many steps.</param>
    IEnumerable<string> Problems(INoiseSchedule schedule, int steps);

    /// <summary>
    /// The levels from the noisiest down, no level twice: one more than steps, since the last level is where the last step ends. A
    /// <see cref="ReversedGrid"/> goes up, a <see cref="StrengthGrid"/> has fewer steps than asked for, and only
    /// <see cref="TimestepGrid.KeepsStepAtZero"/> repeats a level.
    /// </summary>
    /// <param name="schedule">The schedule of the model.</param>
    /// <param name="steps">How many steps; <see cref="Problems"/> must be empty for them.</param>
    IReadOnlyList<NoiseLevel> Levels(INoiseSchedule schedule, int steps);
}

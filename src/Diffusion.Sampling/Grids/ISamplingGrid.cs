namespace Diffusion.Sampling;

/// <summary>The noise levels that a sampler visits. A grid is a value: it holds options only.</summary>
public interface ISamplingGrid
{
    /// <summary>Every reason why there is no such grid, each with its remedy; empty when there is one.</summary>
    /// <param name="schedule">The schedule of the model.</param>
    /// <param name="steps">How many steps.</param>
    IEnumerable<string> Problems(INoiseSchedule schedule, int steps);

    /// <summary>The levels, from the noisiest down: one more than there are steps, for the last is where the last step ends.</summary>
    /// <param name="schedule">The schedule of the model.</param>
    /// <param name="steps">How many steps; with these <see cref="Problems"/> must be none.</param>
    IReadOnlyList<NoiseLevel> Levels(INoiseSchedule schedule, int steps);
}

using TorchSharp;

namespace Diffusion.Sampling;

/// <summary>One step of a sampler: from a level of the grid to the next.</summary>
/// <param name="walk">The batch.</param>
/// <param name="index">The step, from 0.</param>
/// <param name="past">The estimates of earlier steps, the newest first.</param>
public sealed class SamplingStep(SamplingWalk walk, int index, IReadOnlyList<PastEstimate> past)
{
    /// <summary>The level that the step leaves.</summary>
    public NoiseLevel From => walk.Levels[Index];

    /// <summary>The level that it goes to.</summary>
    public NoiseLevel To => walk.Levels[Index + 1];

    /// <summary>Which step it is, from 0.</summary>
    public int Index { get; } = index;

    /// <summary>How many steps there are.</summary>
    public int Count => walk.Levels.Count - 1;

    /// <summary>The schedule of the model.</summary>
    public INoiseSchedule Schedule => walk.Schedule;

    /// <summary>What earlier steps kept, the newest first: at most <see cref="StepSampler.Depth"/>.</summary>
    public IReadOnlyList<PastEstimate> Past { get; } = past;

    /// <inheritdoc cref="SamplingWalk.Denoise"/>
    public Estimate Denoise(torch.Tensor x, NoiseLevel level) => walk.Denoise(x, level);

    /// <summary>Standard normal noise of this step.</summary>
    /// <param name="draw">Which draw of the step, from 0.</param>
    /// <returns><c>[B, C, H, W]</c>; it belongs to the caller.</returns>
    public torch.Tensor Noise(int draw = 0) => walk.Noise(Index, draw, From, To);
}

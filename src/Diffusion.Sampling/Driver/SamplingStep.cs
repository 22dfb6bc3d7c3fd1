using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>One step of a sampler: from a level of the grid to the next.</summary>
/// <param name="walk">The batch.</param>
/// <param name="index">The step, from 0.</param>
/// <param name="past">The estimates of earlier steps, the newest first.</param>
/// <param name="visit">How often the step was taken before, by a driver that repeats steps: each visit has its own noise.</param>
public sealed class SamplingStep(SamplingWalk walk, int index, IReadOnlyList<PastEstimate> past, int visit = 0)
{
    /// <summary>The draw for the known part of images that are filled in: beyond those of any sampler.</summary>
    internal const int KnownDraw = DrawsPerVisit - 1;

    private const int DrawsPerVisit = 1 << 16;

    /// <summary>The level that the step leaves.</summary>
    public NoiseLevel From => walk.Levels[Index];

    /// <summary>The level that it goes to.</summary>
    public NoiseLevel To => walk.Levels[Index + 1];

    /// <summary>Which step it is, from 0.</summary>
    public int Index { get; } = index;

    /// <summary>How many steps there are.</summary>
    public int Count => walk.Levels.Count - 1;

    /// <summary>How many steps are left, this one included.</summary>
    public int Left => Count - Index;

    /// <summary>The level that the last step goes to.</summary>
    public NoiseLevel End => walk.Levels[^1];

    /// <summary>The schedule of the model.</summary>
    public INoiseSchedule Schedule => walk.Schedule;

    /// <summary>What earlier steps kept, the newest first: at most <see cref="StepSampler.Depth"/>.</summary>
    public IReadOnlyList<PastEstimate> Past { get; } = past;

    /// <inheritdoc cref="SamplingWalk.Denoise"/>
    public Estimate Denoise(Tensor x, NoiseLevel level) => walk.Denoise(x, level);

    /// <summary>Standard normal noise of this step.</summary>
    /// <param name="draw">Which draw of the step, from 0.</param>
    /// <returns><c>[B, C, H, W]</c>; it belongs to the caller.</returns>
    public Tensor Noise(int draw = 0) => walk.Noise(Index, Draw(draw), From, To);

    /// <summary>Standard normal noise of the part of this step up to an inner level, and of the whole step.</summary>
    /// <param name="middle">The inner level.</param>
    /// <returns><c>[B, C, H, W]</c> each, with the covariance of one path; they belong to the caller.</returns>
    public (Tensor Part, Tensor Whole) PathNoise(NoiseLevel middle) => walk.PathNoise(Index, Draw(0), From, middle, To);

    /// <summary>Images plus new noise.</summary>
    /// <param name="images">The images.</param>
    /// <param name="deviation">The standard deviation of the noise; 0 draws none.</param>
    internal Tensor AddNoise(Tensor images, double deviation) => deviation > 0 ? images.Plus(Noise().Times(deviation)) : images;

    /// <summary>
    /// The step from pure noise (alpha 0), for solvers of higher order too: the half log-SNR is minus infinity there, so the estimate is of
    /// no use to later steps.
    /// </summary>
    /// <param name="estimate">The estimate.</param>
    /// <param name="eta">How much noise is added, 0 to 1.</param>
    /// <param name="scale">The standard deviation of that noise.</param>
    internal Tensor LeavePureNoise(Estimate estimate, double eta, double scale)
    {
        (NoiseLevel down, double added) = LevelStep.Split(From, To, eta);
        return AddNoise(LevelStep.Move(estimate, down), added * scale);
    }

    private int Draw(int draw) => (visit * DrawsPerVisit) + draw;
}

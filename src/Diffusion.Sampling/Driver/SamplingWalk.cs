using TorchSharp;

namespace Diffusion.Sampling;

/// <summary>One batch of images on its way from noise: whom to ask, over which levels, with which noise, and whom to tell.</summary>
/// <param name="denoiser">Whom to ask.</param>
/// <param name="conditioning">The classes of the images.</param>
/// <param name="levels">From the first level to the last.</param>
/// <param name="start">The noisy images at the first level, <c>[B, C, H, W]</c>.</param>
/// <param name="noise">The noise of the steps.</param>
/// <param name="report">Told how many steps of how many are done, and which part of the way.</param>
/// <param name="cancellationToken">Looked at before each step.</param>
public sealed class SamplingWalk(
    IDenoiser denoiser,
    Conditioning conditioning,
    IReadOnlyList<NoiseLevel> levels,
    torch.Tensor start,
    IStepNoise noise,
    Action<int, int, double> report,
    CancellationToken cancellationToken)
{
    /// <summary>The levels of the grid, from the first to the last.</summary>
    public IReadOnlyList<NoiseLevel> Levels { get; } = levels;

    /// <summary>The noisy images at the first level, <c>[B, C, H, W]</c>; they belong to the walk.</summary>
    public torch.Tensor Start { get; } = start;

    /// <summary>The schedule of the model.</summary>
    public INoiseSchedule Schedule => denoiser.Source.Schedule;

    /// <summary>Asks about images at a level.</summary>
    /// <param name="x">The noisy images <c>[B, C, H, W]</c>.</param>
    /// <param name="level">Their level, on the grid or not.</param>
    /// <returns>The estimates; they belong to the caller.</returns>
    /// <exception cref="OperationCanceledException">Sampling was cancelled.</exception>
    public Estimate Denoise(torch.Tensor x, NoiseLevel level)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return denoiser.Denoise(x, level, conditioning);
    }

    /// <inheritdoc cref="IStepNoise.Draw"/>
    public torch.Tensor Noise(int step, int draw, NoiseLevel from, NoiseLevel to) => noise.Draw(step, draw, from, to);

    /// <summary>Tells the observer of progress.</summary>
    /// <param name="step">How many steps are done.</param>
    /// <param name="count">How many there will be, as far as is known.</param>
    /// <param name="fraction">The part of the way that is done, in (0, 1].</param>
    public void Report(int step, int count, double fraction) => report(step, count, fraction);
}

using TorchSharp;

namespace Diffusion.Sampling;

/// <summary>The sampling of one batch: its denoiser, levels, noise, progress and cancellation.</summary>
/// <param name="denoiser">The denoiser.</param>
/// <param name="conditioning">The classes of the images.</param>
/// <param name="levels">From the first level to the last.</param>
/// <param name="start">The noisy images at the first level, <c>[B, C, H, W]</c>.</param>
/// <param name="noise">The noise of the steps.</param>
/// <param name="report">Receives the number of steps done, their total, and the fraction of the batch that is done.</param>
/// <param name="cancellationToken">Checked before each step.</param>
public sealed class SamplingWalk(
    IDenoiser denoiser,
    Conditioning conditioning,
    IReadOnlyList<NoiseLevel> levels,
    torch.Tensor start,
    IStepNoise noise,
    Action<int, int, double> report,
    CancellationToken cancellationToken) : IDisposable
{
    private torch.Tensor? earlierClean;

    /// <summary>The levels of the grid, from the first to the last.</summary>
    public IReadOnlyList<NoiseLevel> Levels { get; } = levels;

    /// <summary>The noisy images at the first level, <c>[B, C, H, W]</c>; they belong to the walk.</summary>
    public torch.Tensor Start { get; } = start;

    /// <summary>The schedule of the model.</summary>
    public INoiseSchedule Schedule => denoiser.Source.Schedule;

    /// <summary>Estimates the clean images and the noise at a level.</summary>
    /// <param name="x">The noisy images <c>[B, C, H, W]</c>.</param>
    /// <param name="level">Their level, on the grid or not.</param>
    /// <returns>The estimates; they belong to the caller.</returns>
    /// <exception cref="OperationCanceledException">Sampling was canceled.</exception>
    public Estimate Denoise(torch.Tensor x, NoiseLevel level)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!denoiser.Source.Model.IsSelfConditioned)
        {
            return denoiser.Denoise(x, level, conditioning);
        }

        Estimate estimate = denoiser.Denoise(x, level, conditioning with { EarlierClean = earlierClean });
        earlierClean?.Dispose();
        earlierClean = estimate.Clean.alias().DetachFromDisposeScope();
        return estimate;
    }

    /// <inheritdoc cref="IStepNoise.Draw"/>
    public torch.Tensor Noise(int step, int draw, NoiseLevel from, NoiseLevel to) => noise.Draw(step, draw, from, to);

    /// <inheritdoc cref="IStepNoise.DrawPath"/>
    public (torch.Tensor Part, torch.Tensor Whole) PathNoise(int step, int draw, NoiseLevel from, NoiseLevel middle, NoiseLevel to) =>
        noise.DrawPath(step, draw, from, middle, to);

    /// <summary>Frees the estimate that a self-conditioned model is told.</summary>
    public void Dispose() => earlierClean?.Dispose();

    /// <summary>Reports progress.</summary>
    /// <param name="step">How many steps are done.</param>
    /// <param name="count">The expected number of steps.</param>
    /// <param name="fraction">The fraction of the batch that is done, in (0, 1].</param>
    public void Report(int step, int count, double fraction) => report(step, count, fraction);
}

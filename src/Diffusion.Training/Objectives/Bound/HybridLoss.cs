using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// What a learned variance adds to the loss (Nichol and Dhariwal 2021, section 3.1): the term of the variational bound, times the number of
/// timesteps, as one of them is drawn, times 0.001. It trains the variance alone: the predicted mean is detached.
/// </summary>
internal static class HybridLoss
{
    private const double Weight = 0.001;

    /// <summary>What is added for each image.</summary>
    /// <param name="denoiser">The model, with a schedule of timesteps.</param>
    /// <param name="clean">Images in [-1, 1], <c>[B, C, H, W]</c>.</param>
    /// <param name="noisy">The same with noise.</param>
    /// <param name="levels">The noise level of each image.</param>
    /// <param name="prediction">The first half of the network's channels.</param>
    /// <param name="variance">The second half.</param>
    /// <returns><c>[B]</c>; it belongs to the caller.</returns>
    public static Tensor Of(
        Denoiser denoiser, Tensor clean, Tensor noisy, IReadOnlyList<NoiseLevel> levels, Tensor prediction, Tensor variance)
    {
        using DisposeScope scope = NewDisposeScope();
        DiscreteSchedule schedule = (DiscreteSchedule)denoiser.Schedule;
        int[] timesteps = [.. levels.Select(level => (int)level.Time)];
        PosteriorStep[] steps = [.. timesteps.Select(t => PosteriorStep.At(at => schedule[at], t))];
        Scalings[] scalings = [.. levels.Select(denoiser.Parameterization.At)];
        Tensor estimate = ForwardProcess.Mix(
            noisy, scalings.Select(each => each.Skip), prediction.detach(), scalings.Select(each => each.Out));
        Tensor logVariance = BoundTerms.LearnedLogVariance(variance, steps);
        return BoundTerms.Of(clean, noisy, estimate, logVariance, steps, timesteps, approximates: true)
            .Times(Weight * schedule.Timesteps).MoveToOuterDisposeScope();
    }
}

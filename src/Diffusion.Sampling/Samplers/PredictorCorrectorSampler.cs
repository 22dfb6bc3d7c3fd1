using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Predictor-corrector sampling of score models (Song et al. 2021b, algorithms 2 and 4): Langevin steps at each level, then an ancestral
/// step with the large variance, which adds noise in the last step too. Corrections + 1 calls of the network per step.
/// </summary>
/// <remarks>
/// The Langevin step size depends on the mean norm over a batch: with a <see cref="SampleRequest.BatchSize"/> of 1 images do not depend on
/// each other.
/// </remarks>
public sealed record PredictorCorrectorSampler : StepSampler, ISampler
{
    /// <summary>How many Langevin steps there are at each level, at least 0. Default 1.</summary>
    public int Corrections { get; init; } = 1;

    /// <summary>The ratio of signal to noise of a Langevin step, above 0. Default 0.15.</summary>
    public double Snr { get; init; } = 0.15;

    // The size of a correction comes from the mean norms of the batch.
    bool ISampler.TreatsImagesAlone => false;

    /// <inheritdoc/>
    internal override bool AddsNoise(NoiseLevel level) => true;

    /// <inheritdoc/>
    protected override StepResult Step(SamplingStep step, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(step);
        (NoiseLevel from, NoiseLevel to) = (step.From, step.To);
        Tensor at = x;
        for (int correction = 0; correction < Corrections; correction++)
        {
            at = Corrected(at, step.Denoise(at, from).Noise.Times(-1 / from.Sigma), step.Noise(correction));
        }

        Estimate estimate = step.Denoise(at, from);
        double alphaRatio = from.Alpha / to.Alpha;
        double fromVariance = from.Sigma * from.Sigma;
        double toVariance = to.Sigma * to.Sigma;
        double beta = fromVariance - (alphaRatio * alphaRatio * toVariance);
        Tensor mean = estimate.Clean.Times(to.Alpha * beta / fromVariance).Plus(at.Times(alphaRatio * toVariance / fromVariance));
        return new StepResult(mean.Plus(step.Noise(Corrections).Times(Math.Sqrt(beta))));
    }

    /// <summary>1000, or all timesteps where there are fewer.</summary>
    /// <inheritdoc/>
    protected override int UsualSteps(INoiseSchedule schedule) => 1000;

    /// <inheritdoc/>
    protected override IEnumerable<string> Problems(INoiseSchedule schedule) =>
    [
        .. Corrections >= 0 ? Array.Empty<string>() : [$"Corrections is {Corrections}, but must be 0 or more. Use 1."],
        .. OptionProblems.Positive(Snr, nameof(Snr)),
    ];

    // x + a * score + sqrt(2 * a) * z, with a = 2 * (snr * |z| / |score|)^2 (algorithm 4).
    private Tensor Corrected(Tensor x, Tensor score, Tensor unit)
    {
        Tensor size = (MeanNorm(unit) / MeanNorm(score)).Times(Snr).Squared().Times(2);
        return x.Plus(size * score).Plus(size.Times(2).sqrt() * unit);
    }

    private static Tensor MeanNorm(Tensor images) => images.flatten(1).Squared().sum(1).sqrt().mean();
}

using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Ancestral sampling (Ho et al. 2020, algorithm 2): at each step a draw from the posterior q(x_s | x_t, x_0), with the network's estimate
/// in place of x_0. It needs many steps; use <see cref="DdimSampler"/> for few.
/// </summary>
public sealed record DdpmSampler : StepSampler
{
    /// <summary>The variance of the added noise. Default <see cref="DdpmVariance.FixedSmall"/>.</summary>
    public DdpmVariance Variance { get; init; } = DdpmVariance.FixedSmall;

    /// <inheritdoc/>
    internal override bool AddsNoise(NoiseLevel level) => true;

    /// <inheritdoc/>
    protected override StepResult Step(SamplingStep step, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(step);
        (NoiseLevel from, NoiseLevel to) = (step.From, step.To);

        // The estimate of x_0, equation 15 for a network that predicts noise.
        Estimate estimate = step.Denoise(x, from);

        // The variance that the forward process adds between the two levels: beta, where they are neighbors of a variance-preserving
        // schedule.
        double alphaRatio = from.Alpha / to.Alpha;
        double fromVariance = from.Sigma * from.Sigma;
        double toVariance = to.Sigma * to.Sigma;
        double beta = fromVariance - (alphaRatio * alphaRatio * toVariance);

        // The posterior's mean and variance, equation 7, where alpha-bar = alpha^2 and 1 - alpha-bar = sigma^2.
        Tensor mean = estimate.Clean.Times(to.Alpha * beta / fromVariance).Plus(x.Times(alphaRatio * toVariance / fromVariance));

        // No noise after the last step: algorithm 2, line 3.
        return new StepResult(to.Sigma == 0
            ? mean
            : mean.Plus(Deviation(estimate, small: beta * toVariance / fromVariance, large: beta, step.Noise())));
    }

    /// <summary>All timesteps of a discrete schedule, or 1000 steps.</summary>
    /// <inheritdoc/>
    protected override int UsualSteps(INoiseSchedule schedule) => schedule is DiscreteSchedule discrete ? discrete.Timesteps : 1000;

    /// <summary>Timesteps from T-1 to 0, both included, as Nichol and Dhariwal 2021, section 4.</summary>
    /// <inheritdoc/>
    protected override ISamplingGrid UsualGrid(INoiseSchedule schedule) =>
        schedule is DiscreteSchedule ? new TimestepGrid(TimestepSpacing.Linspace) : SamplingGrid.UsualFor(schedule);

    /// <inheritdoc/>
    protected override IEnumerable<string> Problems(INoiseSchedule schedule) =>
        Enum.IsDefined(Variance) ? [] : [$"Variance is {Variance}, which is unknown. Use FixedSmall or FixedLarge."];

    private Tensor Deviation(Estimate estimate, double small, double large, Tensor noise)
    {
        if (Variance is DdpmVariance.FixedSmall or DdpmVariance.FixedLarge)
        {
            return noise.Times(Math.Sqrt(Variance == DdpmVariance.FixedSmall ? small : large));
        }

        Tensor predicted = estimate.Variance ?? throw new InvalidOperationException(
            $"Variance is {Variance}, but the network predicts no variance, in a second set of channels. Use FixedSmall or FixedLarge.");
        if (Variance == DdpmVariance.Learned)
        {
            return noise * predicted.sqrt();
        }

        // Nichol and Dhariwal 2021, equation 15, for an output in [-1, 1].
        double logLarge = Math.Log(large);
        double logSmall = Math.Log(small);
        return noise * predicted.Times((logLarge - logSmall) / 4).Plus((logLarge + logSmall) / 4).exp();
    }
}

using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Ancestral sampling (Ho et al. 2020, algorithm 2): at each step a draw from the posterior q(x_s | x_t, x_0), with the network's estimate
/// in place of x_0. It wants many steps; for few use <see cref="DdimSampler"/>.
/// </summary>
public sealed record DdpmSampler : ISampler
{
    /// <summary>How many steps, 1 to the schedule's T. Default null: all T. Fewer are a schedule of their own (Nichol and Dhariwal 2021, section 4).</summary>
    public int? Steps { get; init; }

    /// <summary>How fewer steps are spread. Default linspace, from T-1 to 0 as in that paper.</summary>
    public TimestepSpacing Spacing { get; init; } = TimestepSpacing.Linspace;

    /// <summary>The variance of the added noise. Default <see cref="DdpmVariance.FixedSmall"/>.</summary>
    public DdpmVariance Variance { get; init; } = DdpmVariance.FixedSmall;

    /// <summary>
    /// Leading only: what is added to each timestep, 0 to below T / <see cref="Steps"/>. Default 0; 1 is usual where the last step leaves
    /// timestep 1.
    /// </summary>
    public int StepsOffset { get; init; }

    /// <summary>What is done with estimates outside [-1, 1]. Default <see cref="SampleClipping.Clip"/>.</summary>
    public SampleClipping Clipping { get; init; } = SampleClipping.Clip;

    /// <inheritdoc/>
    public Tensor Sample(
        Denoiser denoiser,
        SampleRequest request,
        IProgress<SamplingProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(denoiser);
        INoiseSchedule schedule = denoiser.Schedule;
        SamplingRun run = new(denoiser, request, Problems(schedule.Timesteps), progress);
        int[] timesteps = TimestepGrid.Create(Spacing, Steps ?? schedule.Timesteps, schedule.Timesteps, StepsOffset);
        return run.Execute(timesteps.Length, batch => Walk(batch, schedule, timesteps, cancellationToken));
    }

    private Tensor Walk(SampleBatch batch, INoiseSchedule schedule, int[] timesteps, CancellationToken cancellationToken)
    {
        Tensor x = batch.InitialNoise(); // [B, C, H, W]
        for (int i = 0; i < timesteps.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using DisposeScope scope = NewDisposeScope();
            bool last = i == timesteps.Length - 1;
            NoiseLevel from = schedule[timesteps[i]];
            NoiseLevel to = last ? NoiseLevel.Clean : schedule[timesteps[i + 1]];

            // The estimate of x_0, equation 15 for a network that predicts noise.
            Tensor clean = Clipping.Apply(batch.Denoise(x, from).Clean);

            // The beta of the step between two neighbours of the grid; the schedule's own where they are next to each other.
            double kept = from.Alpha / to.Alpha;
            double beta = 1 - (kept * kept);

            // The posterior's mean and variance, equation 7, where alpha-bar = alpha^2 and 1 - alpha-bar = sigma^2.
            double fromVariance = from.Sigma * from.Sigma;
            double toVariance = to.Sigma * to.Sigma;
            Tensor mean = clean.Times(to.Alpha * beta / fromVariance) + x.Times(kept * toVariance / fromVariance);
            double variance = Variance == DdpmVariance.FixedSmall ? beta * toVariance / fromVariance : beta;

            // No noise after the last step: algorithm 2, line 3.
            x.copy_(last ? mean : mean + batch.StepNoise(timesteps[i]).Times(Math.Sqrt(variance)));
            batch.ReportStep(i + 1);
        }

        return x;
    }

    private IEnumerable<string> Problems(int timesteps)
    {
        if (Steps < 1 || Steps > timesteps)
        {
            yield return $"Steps is {Steps}, but must lie in 1..{timesteps}, the schedule's timesteps; null takes all of them.";
        }

        if (!Enum.IsDefined(Spacing))
        {
            yield return $"Spacing is {Spacing}, which is unknown. Use Trailing, Leading or Linspace.";
        }

        if (!Enum.IsDefined(Variance))
        {
            yield return $"Variance is {Variance}, which is unknown. Use FixedSmall or FixedLarge.";
        }

        foreach (string problem in TimestepGrid.OffsetProblems(Spacing, Steps ?? timesteps, timesteps, StepsOffset))
        {
            yield return problem;
        }

        if (Clipping is null)
        {
            yield return "Clipping is null. Use SampleClipping.Clip, or SampleClipping.None for none.";
        }
    }
}

using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Denoising diffusion implicit models (Song, Meng and Ermon 2021): good images in few steps. Deterministic with <see cref="Eta"/> 0: the
/// images are a smooth function of the first noise.
/// </summary>
public sealed record DdimSampler : ISampler
{
    /// <summary>How many steps, 1 to the schedule's T. Default 50.</summary>
    public int Steps { get; init; } = 50;

    /// <summary>How much noise is added on the way, 0 to 1. Default 0, none; 1 is DDPM with its small variance.</summary>
    public double Eta { get; init; }

    /// <summary>
    /// How the steps are spread. Default trailing: it starts at T-1, the only timestep whose training images were as near to pure noise
    /// as the first noise is (Lin et al. 2024, section 3.3). Data far from mid-grey in the mean gain most by it.
    /// </summary>
    public TimestepSpacing Spacing { get; init; } = TimestepSpacing.Trailing;

    /// <summary>
    /// Leading only: what is added to each timestep, 0 to below T / <see cref="Steps"/>. Default 0; 1 is usual where the last step leaves
    /// timestep 1.
    /// </summary>
    public int StepsOffset { get; init; }

    /// <summary>What is done with estimates outside [-1, 1]. Default <see cref="SampleClipping.Clip"/>.</summary>
    public SampleClipping Clipping { get; init; } = SampleClipping.Clip;

    /// <summary>
    /// Whether the last step ends at the clean image. Default true; false ends at the noise level of timestep 0, as models are sampled that
    /// were published with diffusers' <c>set_alpha_to_one</c> false.
    /// </summary>
    public bool EndsClean { get; init; } = true;

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
        int[] timesteps = TimestepGrid.Create(Spacing, Steps, schedule.Timesteps, StepsOffset);
        return run.Execute(timesteps.Length, batch => Walk(batch, schedule, timesteps, cancellationToken));
    }

    private Tensor Walk(SampleBatch batch, INoiseSchedule schedule, int[] timesteps, CancellationToken cancellationToken)
    {
        Tensor x = batch.InitialNoise(); // [B, C, H, W]
        for (int i = 0; i < timesteps.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using DisposeScope scope = NewDisposeScope();
            NoiseLevel from = schedule[timesteps[i]];
            NoiseLevel to = i < timesteps.Length - 1 ? schedule[timesteps[i + 1]] : EndsClean ? NoiseLevel.Clean : schedule[0];

            // Both halves of x = alpha * clean + sigma * noise. A clipped clean image asks for another noise, or the two would not add up to x.
            DenoisedImages estimate = batch.Denoise(x, from);
            Tensor clean = Clipping.Apply(estimate.Clean);
            Tensor noise = Clipping == SampleClipping.None ? estimate.Noise : (x - clean.Times(from.Alpha)).DividedBy(from.Sigma);

            // Equation 16, where the paper's alpha is alpha^2 here, and 1 - alpha is sigma^2.
            double kept = from.Alpha / to.Alpha;
            double added = Eta * to.Sigma / from.Sigma * Math.Sqrt(1 - (kept * kept));

            // Equation 12: the clean image, the noise that x held, and fresh noise in exchange for a part of it.
            Tensor next = clean.Times(to.Alpha) + noise.Times(Math.Sqrt((to.Sigma * to.Sigma) - (added * added)));
            x.copy_(added > 0 ? next + batch.StepNoise(timesteps[i]).Times(added) : next);
            batch.ReportStep(i + 1);
        }

        return x;
    }

    private IEnumerable<string> Problems(int timesteps)
    {
        if (Steps < 1 || Steps > timesteps)
        {
            yield return $"Steps is {Steps}, but must lie in 1..{timesteps}, the schedule's timesteps. Use 50.";
        }

        if (Eta is not (>= 0 and <= 1))
        {
            yield return $"Eta is {Eta}, but must lie in 0..1. Use 0 for none, 1 for as much as DDPM.";
        }

        if (!Enum.IsDefined(Spacing))
        {
            yield return $"Spacing is {Spacing}, which is unknown. Use Trailing, Leading or Linspace.";
        }

        foreach (string problem in TimestepGrid.OffsetProblems(Spacing, Steps, timesteps, StepsOffset))
        {
            yield return problem;
        }

        if (Clipping is null)
        {
            yield return "Clipping is null. Use SampleClipping.Clip, or SampleClipping.None for none.";
        }
    }
}

namespace Diffusion.Sampling;

/// <summary>Creates the samplers that correspond to diffusers' schedulers.</summary>
public static class DiffusersSamplers
{
    /// <summary>The sampler with a scheduler's settings.</summary>
    /// <remarks>
    /// Three things follow the papers rather than diffusers: a step of DDIM goes to the next timestep of the grid (diffusers goes
    /// to t - T / N, which differs with linspace); with clipping, DDIM recomputes the noise from the clipped image (in diffusers
    /// only with <c>use_clipped_model_output=True</c>); DDPM adds no noise after the last step.
    /// </remarks>
    /// <param name="scheduler">The scheduler; <c>with { Kind = ... }</c> chooses another sampler than the one it names.</param>
    /// <param name="steps">How many steps. Default (null) as in diffusers' pipelines: all timesteps for DDPM, 50 for DDIM.</param>
    /// <returns>A <see cref="DdpmSampler"/> or a <see cref="DdimSampler"/>.</returns>
    /// <exception cref="ArgumentException">The settings contradict each other; the message lists every problem.</exception>
    public static ISampler ToSampler(this DiffusersScheduler scheduler, int? steps = null)
    {
        ArgumentNullException.ThrowIfNull(scheduler);
        if (scheduler.Problems() is [_, ..] problems)
        {
            throw new ArgumentException($"There is no sampler for this scheduler: {string.Join(" ", problems)}", nameof(scheduler));
        }

        TimestepSpacing spacing = scheduler.TimestepSpacing switch
        {
            DiffusersSpacing.Linspace => TimestepSpacing.Linspace,
            DiffusersSpacing.Trailing => TimestepSpacing.Trailing,
            _ => TimestepSpacing.Leading,
        };

        // diffusers adds the offset to leading timesteps only.
        int offset = spacing == TimestepSpacing.Leading ? scheduler.StepsOffset : 0;
        if (scheduler.Kind == DiffusersSchedulerKind.Ddim)
        {
            return new DdimSampler
            {
                Steps = steps,
                Grid = new TimestepGrid(spacing) { StepsOffset = offset, EndsClean = scheduler.SetAlphaToOne },
                Clipping = ClippingOf(scheduler),
            };
        }

        return new DdpmSampler
        {
            Steps = steps,
            Grid = new TimestepGrid(spacing) { StepsOffset = offset },
            Clipping = ClippingOf(scheduler),
            Variance = scheduler.VarianceType == DiffusersVariance.FixedLarge ? DdpmVariance.FixedLarge : DdpmVariance.FixedSmall,
        };
    }

    private static SampleClipping ClippingOf(DiffusersScheduler scheduler) => scheduler switch
    {
        { Thresholding: true } => SampleClipping.DynamicThreshold(scheduler.DynamicThresholdingRatio, scheduler.SampleMaxValue),
        { ClipSample: true } => SampleClipping.ClipTo(scheduler.ClipSampleRange),
        _ => SampleClipping.None,
    };
}

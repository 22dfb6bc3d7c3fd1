namespace Diffusion;

/// <summary>
/// The contents of diffusers' <c>scheduler_config.json</c>: the schedule that a model was trained with, what it predicts, and how to
/// sample. The settings have diffusers' names and defaults.
/// </summary>
public sealed record DiffusersScheduler
{
    /// <summary>Which scheduler. Default DDPM.</summary>
    public DiffusersSchedulerKind Kind { get; init; }

    /// <summary>
    /// The noise schedule: <c>num_train_timesteps</c>, <c>beta_schedule</c>, <c>beta_start</c>, <c>beta_end</c>, <c>trained_betas</c>.
    /// </summary>
    public required DiscreteSchedule Schedule { get; init; }

    /// <summary>What the network predicts, <c>prediction_type</c>. Default the noise.</summary>
    public PredictionType Prediction { get; init; }

    /// <summary>DDPM only: <c>variance_type</c>. Default fixed_small.</summary>
    public DiffusersVariance VarianceType { get; init; }

    /// <summary>Whether estimates of the clean image are clipped, <c>clip_sample</c>. Default true.</summary>
    public bool ClipSample { get; init; } = true;

    /// <summary>The limit of <see cref="ClipSample"/>, above 0. Default 1.</summary>
    public double ClipSampleRange { get; init; } = 1;

    /// <summary>Whether estimates are thresholded dynamically (Saharia et al. 2022) instead of clipped. Default false.</summary>
    public bool Thresholding { get; init; }

    /// <summary>
    /// With <see cref="Thresholding"/>: the fraction of an image's values that is left unclipped, in (0, 1]. Default 0.995.
    /// </summary>
    public double DynamicThresholdingRatio { get; init; } = 0.995;

    /// <summary>With <see cref="Thresholding"/>: the maximum threshold, at least 1. Default 1.</summary>
    public double SampleMaxValue { get; init; } = 1;

    /// <summary>How steps are spaced over the timesteps, <c>timestep_spacing</c>. Default leading.</summary>
    public DiffusersSpacing TimestepSpacing { get; init; }

    /// <summary>Leading only: the offset added to each timestep, at least 0. Default 0.</summary>
    public int StepsOffset { get; init; }

    /// <summary>DDIM only: whether the last step ends at the clean image; false at the noise level of timestep 0. Default true.</summary>
    public bool SetAlphaToOne { get; init; } = true;

    /// <summary>Lists the problems of these settings by diffusers' keys; empty when there are none.</summary>
    public IReadOnlyList<string> Problems() => [.. Ranges()];

    private IEnumerable<string> Ranges()
    {
        if (!Enum.IsDefined(Kind) || !Enum.IsDefined(Prediction) || !Enum.IsDefined(VarianceType) || !Enum.IsDefined(TimestepSpacing))
        {
            yield return $"a choice is unknown: Kind {Kind}, Prediction {Prediction}, VarianceType {VarianceType} or TimestepSpacing "
                + $"{TimestepSpacing}.";
        }

        if (Prediction is PredictionType.Flow or PredictionType.Edm)
        {
            yield return $"prediction_type is {Prediction}, but diffusers' DDPM and DDIM schedulers support only epsilon, "
                + "sample and v_prediction.";
        }

        if (!double.IsFinite(ClipSampleRange) || (ClipSample && ClipSampleRange <= 0))
        {
            yield return $"clip_sample_range is {ClipSampleRange}, but must be a number above 0, usually 1.";
        }

        if (!double.IsFinite(DynamicThresholdingRatio) || (Thresholding && DynamicThresholdingRatio is not (> 0 and <= 1)))
        {
            yield return $"dynamic_thresholding_ratio is {DynamicThresholdingRatio}, but must lie in (0, 1], usually 0.995.";
        }

        if (!double.IsFinite(SampleMaxValue) || (Thresholding && SampleMaxValue < 1))
        {
            yield return $"sample_max_value is {SampleMaxValue}, but must be a number of at least 1, the range of an image.";
        }

        if (StepsOffset < 0)
        {
            yield return $"steps_offset is {StepsOffset}, but must be at least 0.";
        }
    }
}

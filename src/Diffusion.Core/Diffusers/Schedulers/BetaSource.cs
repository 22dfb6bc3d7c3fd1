namespace Diffusion;

/// <summary>Keys of a schedule of betas; with <c>use_flow_sigmas</c>, where a class has it, of rectified flow.</summary>
internal sealed class BetaSource : DiffusersSource
{
    private const string FlowKey = "use_flow_sigmas";
    private const string FlowShiftKey = "flow_shift";
    private const string RescaleKey = "rescale_betas_zero_snr";
    private const string CurveKey = "beta_schedule";
    private const string TrainedKey = "trained_betas";

    private readonly DiffusersBetas defaults;
    private readonly NoiseScheduleKind[] curves;
    private readonly bool hasLimits;
    private readonly bool hasFlow;
    private readonly bool hasRescale;
    private readonly string[] predictions;

    /// <summary>The keys of a class.</summary>
    /// <param name="defaults">The class's default schedule.</param>
    /// <param name="curves">The curves that the class has beside linear, scaled_linear and squaredcos_cap_v2.</param>
    /// <param name="hasRescale">Whether it has <c>rescale_betas_zero_snr</c>.</param>
    /// <param name="hasFlow">Whether it has <c>use_flow_sigmas</c>.</param>
    public BetaSource(DiffusersBetas? defaults = null, IReadOnlyList<NoiseScheduleKind>? curves = null, bool hasRescale = false,
        bool hasFlow = false)
        : this(defaults ?? new DiffusersBetas(), [NoiseScheduleKind.Linear, NoiseScheduleKind.ScaledLinear, NoiseScheduleKind.Cosine,
            .. curves ?? []], hasLimits: true, hasRescale, hasFlow,
            hasFlow ? ["epsilon", "sample", "v_prediction", "flow_prediction"] : ["epsilon", "sample", "v_prediction"])
    {
    }

    private BetaSource(DiffusersBetas defaults, NoiseScheduleKind[] curves, bool hasLimits, bool hasRescale, bool hasFlow,
        string[] predictions)
    {
        this.defaults = defaults;
        this.curves = curves;
        this.hasLimits = hasLimits;
        this.hasRescale = hasRescale;
        this.hasFlow = hasFlow;
        this.predictions = predictions;
        Keys =
        [
            new(TimestepsKey, DiffusersValueKind.Integer, defaults.Timesteps),
            DiffusersSetting.Choice(CurveKey, DiffusersBetas.NameOf(defaults.Curve),
                hasLimits ? DiffusersBetas.CurveNames : [.. curves.Select(DiffusersBetas.NameOf)]),
            DiffusersSetting.Choice(PredictionKey, "epsilon", predictions),
            .. hasLimits ? Limits(defaults) : [],
            .. hasRescale ? [DiffusersSetting.Flag(RescaleKey, false)] : Array.Empty<DiffusersSetting>(),
            .. hasFlow
                ? [DiffusersSetting.Flag(FlowKey, false), DiffusersSetting.Positive(FlowShiftKey, 1)]
                : Array.Empty<DiffusersSetting>(),
        ];
    }

    /// <summary>The keys of a class that has only the cosine schedule, and predicts the noise or the clean image.</summary>
    public static BetaSource CosineOnly { get; } = new(
        new DiffusersBetas { Curve = NoiseScheduleKind.Cosine }, [NoiseScheduleKind.Cosine], hasLimits: false, hasRescale: false,
        hasFlow: false, ["epsilon", "sample"]);

    public override IReadOnlyList<DiffusersSetting> Keys { get; }

    public override (INoiseSchedule Schedule, PredictionType Prediction)? Read(
        IReadOnlyDictionary<string, object?> values, ICollection<string> problems)
    {
        PredictionType prediction = PredictionOf((string)In(values, PredictionKey)!);
        DiffusersBetas betas = BetasOf(values);
        if (hasFlow && In(values, FlowKey) is true)
        {
            return FlowSource.TimestepsProblem(betas.Timesteps, problems)
                ? null
                : (new FlowSchedule((double)In(values, FlowShiftKey)!), prediction);
        }

        string[] found =
        [
            .. betas.Problems(),
            .. prediction == PredictionType.Flow
                ? [$"{PredictionKey} is flow_prediction, but {FlowKey} is false. Both must say whether the model is a rectified flow."]
                : Array.Empty<string>(),
        ];
        Array.ForEach(found, problems.Add);
        if (found.Length > 0)
        {
            return null;
        }

        try
        {
            return (betas.ToSchedule(), prediction);
        }
        catch (ArgumentException e)
        {
            problems.Add($"beta_start and beta_end give no schedule: {e.Message}");
            return null;
        }
    }

    public override string? Problem(INoiseSchedule schedule, PredictionType prediction)
    {
        bool isFlow = schedule is FlowSchedule && hasFlow;
        return !isFlow && schedule is not DiscreteSchedule
            ? $"Schedule is {schedule.Description}, but must be a {nameof(DiscreteSchedule)}"
                + (hasFlow ? $" or a {nameof(FlowSchedule)}." : ".")
            : schedule is DiscreteSchedule { RescaledFrom: not null } && !hasRescale
                ? $"Schedule is {schedule.Description}, but the class has no {RescaleKey}. Use DDIMScheduler."
            : NameOf(prediction) is not { } name || !predictions.Contains(name) || (prediction == PredictionType.Flow && !isFlow)
                ? $"Prediction is {prediction}, but with this schedule must be "
                    + string.Join(" or ", predictions.Select(PredictionOf).Where(type => type != PredictionType.Flow || isFlow)) + "."
            : null;
    }

    public override IReadOnlyDictionary<string, object?> Write(INoiseSchedule schedule, PredictionType prediction)
    {
        Dictionary<string, object?> values = Keys.ToDictionary(key => key.Name, key => key.Default, StringComparer.Ordinal);
        values[PredictionKey] = NameOf(prediction);
        if (schedule is FlowSchedule flow)
        {
            values[FlowKey] = true;
            values[FlowShiftKey] = flow.Shift;
            return values;
        }

        DiscreteSchedule discrete = (DiscreteSchedule)schedule;
        DiffusersBetas betas = DiffusersBetas.Of(discrete.RescaledFrom ?? discrete, curves, defaults);
        values[TimestepsKey] = betas.Timesteps;
        if (!hasLimits)
        {
            return betas.Trained is null
                ? values
                : throw new ArgumentException($"The class has only the cosine schedule, but the schedule is {schedule.Description}.");
        }

        (values["beta_start"], values["beta_end"], values[TrainedKey]) = (betas.Start, betas.End, betas.Trained);
        values[CurveKey] = DiffusersBetas.NameOf(betas.Curve);
        if (hasRescale)
        {
            values[RescaleKey] = discrete.RescaledFrom is not null;
        }

        return values;
    }

    private static DiffusersSetting[] Limits(DiffusersBetas defaults) =>
    [
        DiffusersSetting.Number("beta_start", defaults.Start), DiffusersSetting.Number("beta_end", defaults.End),
        new(TrainedKey, DiffusersValueKind.Numbers, null) { IsOptional = true },
    ];

    private DiffusersBetas BetasOf(IReadOnlyDictionary<string, object?> values)
    {
        DiffusersBetas betas = new()
        {
            Timesteps = (int)In(values, TimestepsKey)!, Curve = DiffusersBetas.CurveOf((string)In(values, CurveKey)!),
            HasZeroTerminalSnr = hasRescale && In(values, RescaleKey) is true,
        };
        return !hasLimits ? betas : betas with
        {
            Start = (double)In(values, "beta_start")!, End = (double)In(values, "beta_end")!,
            Trained = (IReadOnlyList<double>?)In(values, TrainedKey),
        };
    }
}

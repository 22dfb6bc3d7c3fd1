namespace Diffusion;

/// <summary>
/// Keys of EDM. <c>prediction_type</c> epsilon means EDM's preconditioned prediction; v_prediction is the same with the opposite sign.
/// </summary>
internal sealed class EdmSource : DiffusersSource
{
    private const string MinKey = "sigma_min";
    private const string MaxKey = "sigma_max";
    private const string DataKey = "sigma_data";

    private const double DataDeviation = 0.5;

    public override IReadOnlyList<DiffusersSetting> Keys { get; } =
    [
        DiffusersSetting.Positive(MinKey, EdmSchedule.DefaultMinSigma), DiffusersSetting.Positive(MaxKey, EdmSchedule.DefaultMaxSigma),
        DiffusersSetting.Positive(DataKey, DataDeviation), DiffusersSetting.Choice(PredictionKey, "epsilon", "epsilon", "v_prediction"),
    ];

    public override (INoiseSchedule Schedule, PredictionType Prediction)? Read(
        IReadOnlyDictionary<string, object?> values, ICollection<string> problems)
    {
        (double min, double max) = ((double)In(values, MinKey)!, (double)In(values, MaxKey)!);
        string[] found =
        [
            .. max > min ? Array.Empty<string>() : [$"{MinKey} is {min} and {MaxKey} {max}, but {MaxKey} must be greater."],
            .. In(values, DataKey) is DataDeviation
                ? Array.Empty<string>()
                : [$"{DataKey} is {In(values, DataKey)}, but only {DataDeviation} is supported."],
            .. In(values, PredictionKey) is "epsilon"
                ? Array.Empty<string>()
                : [$"{PredictionKey} is v_prediction, but only epsilon is supported: no parameterization here has the opposite sign."],
        ];
        Array.ForEach(found, problems.Add);
        return found.Length == 0 ? (new EdmSchedule(min, max), PredictionType.Edm) : null;
    }

    public override string? Problem(INoiseSchedule schedule, PredictionType prediction) => (schedule, prediction) switch
    {
        (not EdmSchedule, _) => $"Schedule is {schedule.Description}, but must be an {nameof(EdmSchedule)}.",
        (_, not PredictionType.Edm) => $"Prediction is {prediction}, but must be {PredictionType.Edm}.",
        _ => null,
    };

    public override IReadOnlyDictionary<string, object?> Write(INoiseSchedule schedule, PredictionType prediction) =>
        new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            [MinKey] = schedule.FirstTime, [MaxKey] = schedule.LastTime, [DataKey] = DataDeviation, [PredictionKey] = "epsilon",
        };
}

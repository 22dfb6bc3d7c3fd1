namespace Diffusion;

/// <summary>Keys of EDM's noise levels. The settings of a class say how its network is preconditioned.</summary>
/// <param name="minSigma">The default of <c>sigma_min</c>.</param>
/// <param name="maxSigma">The default of <c>sigma_max</c>.</param>
/// <param name="parameterization">What the network predicts, by the settings of the class.</param>
internal sealed class EdmSource(double minSigma, double maxSigma, Func<DiffusersScheduler, IParameterization> parameterization)
    : DiffusersSource
{
    private const string MinKey = "sigma_min";
    private const string MaxKey = "sigma_max";

    public override IReadOnlyList<DiffusersSetting> Keys { get; } =
        [DiffusersSetting.Positive(MinKey, minSigma), DiffusersSetting.Positive(MaxKey, maxSigma)];

    public override (INoiseSchedule Schedule, PredictionType Prediction)? Read(
        IReadOnlyDictionary<string, object?> values, ICollection<string> problems)
    {
        (double min, double max) = ((double)In(values, MinKey)!, (double)In(values, MaxKey)!);
        if (max > min)
        {
            return (new EdmSchedule(min, max), PredictionType.Edm);
        }

        problems.Add($"{MinKey} is {min} and {MaxKey} {max}, but {MaxKey} must be greater.");
        return null;
    }

    public override string? Problem(INoiseSchedule schedule, PredictionType prediction) => (schedule, prediction) switch
    {
        (not EdmSchedule, _) => $"Schedule is {schedule.Description}, but must be an {nameof(EdmSchedule)}.",
        (_, not PredictionType.Edm) => $"Prediction is {prediction}, but must be {PredictionType.Edm}.",
        _ => null,
    };

    public override IReadOnlyDictionary<string, object?> Write(INoiseSchedule schedule, PredictionType prediction) =>
        new Dictionary<string, object?>(StringComparer.Ordinal) { [MinKey] = schedule.FirstTime, [MaxKey] = schedule.LastTime };

    public override IParameterization ParameterizationOf(DiffusersScheduler scheduler) => parameterization(scheduler);
}

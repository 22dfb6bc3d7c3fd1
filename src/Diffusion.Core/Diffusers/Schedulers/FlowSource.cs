namespace Diffusion;

/// <summary>Keys of rectified flow. The network predicts noise - clean.</summary>
internal sealed class FlowSource : DiffusersSource
{
    private const string ShiftKey = "shift";

    private const int Timesteps = 1000;

    public override IReadOnlyList<DiffusersSetting> Keys { get; } =
        [new(TimestepsKey, DiffusersValueKind.Integer, Timesteps), DiffusersSetting.Positive(ShiftKey, 1)];

    /// <summary>Refuses another number of timesteps than 1000.</summary>
    /// <returns>Whether it was refused.</returns>
    public static bool TimestepsProblem(int timesteps, ICollection<string> problems)
    {
        if (timesteps != Timesteps)
        {
            problems.Add($"{TimestepsKey} is {timesteps}, but must be {Timesteps} for rectified flow, whose label is {Timesteps} * sigma.");
        }

        return timesteps != Timesteps;
    }

    public override (INoiseSchedule Schedule, PredictionType Prediction)? Read(
        IReadOnlyDictionary<string, object?> values, ICollection<string> problems) =>
        TimestepsProblem((int)In(values, TimestepsKey)!, problems)
            ? null
            : (new FlowSchedule((double)In(values, ShiftKey)!), PredictionType.Flow);

    public override string? Problem(INoiseSchedule schedule, PredictionType prediction) => (schedule, prediction) switch
    {
        (not FlowSchedule, _) => $"Schedule is {schedule.Description}, but must be a {nameof(FlowSchedule)}.",
        (_, not PredictionType.Flow) => $"Prediction is {prediction}, but must be {PredictionType.Flow}.",
        _ => null,
    };

    public override IReadOnlyDictionary<string, object?> Write(INoiseSchedule schedule, PredictionType prediction) =>
        new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            [TimestepsKey] = Timesteps, [ShiftKey] = ((FlowSchedule)schedule).Shift,
        };
}

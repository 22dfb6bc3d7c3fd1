namespace Diffusion;

/// <summary>The continuous cosine schedule, which has no keys. The network predicts the velocity.</summary>
internal sealed class AngleSource : DiffusersSource
{
    public override IReadOnlyList<DiffusersSetting> Keys => [];

    public override (INoiseSchedule Schedule, PredictionType Prediction)? Read(
        IReadOnlyDictionary<string, object?> values, ICollection<string> problems) => (new AngleSchedule(), PredictionType.Velocity);

    public override string? Problem(INoiseSchedule schedule, PredictionType prediction) => (schedule, prediction) switch
    {
        (not AngleSchedule, _) => $"Schedule is {schedule.Description}, but must be that of a file of the class.",
        (_, not PredictionType.Velocity) => $"Prediction is {prediction}, but must be {PredictionType.Velocity}.",
        _ => null,
    };

    public override IReadOnlyDictionary<string, object?> Write(INoiseSchedule schedule, PredictionType prediction) =>
        new Dictionary<string, object?>(StringComparer.Ordinal);
}

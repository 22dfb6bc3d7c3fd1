namespace Diffusion;

/// <summary>The keys of a scheduler's file that say what noise a network was trained with and what it predicts.</summary>
internal abstract class DiffusersSource
{
    /// <summary>The key of the prediction.</summary>
    public const string PredictionKey = "prediction_type";

    /// <summary>The number of timesteps.</summary>
    protected const string TimestepsKey = "num_train_timesteps";

    private static readonly (string Name, PredictionType Type)[] Predictions =
    [
        ("epsilon", PredictionType.Epsilon), ("sample", PredictionType.Sample), ("v_prediction", PredictionType.Velocity),
        ("flow_prediction", PredictionType.Flow),
    ];

    /// <summary>The keys.</summary>
    public abstract IReadOnlyList<DiffusersSetting> Keys { get; }

    /// <summary>The schedule and the prediction of a file.</summary>
    /// <param name="values">The values of the keys that the file has, each of its type.</param>
    /// <param name="problems">Receives what is not supported.</param>
    /// <returns>Null if there are problems.</returns>
    public abstract (INoiseSchedule Schedule, PredictionType Prediction)? Read(
        IReadOnlyDictionary<string, object?> values, ICollection<string> problems);

    /// <summary>Why a class with these keys cannot express a schedule and a prediction; null if it can.</summary>
    public abstract string? Problem(INoiseSchedule schedule, PredictionType prediction);

    /// <summary>The values of all keys. <see cref="Problem"/> must be null.</summary>
    /// <exception cref="ArgumentException">diffusers cannot express the schedule.</exception>
    public abstract IReadOnlyDictionary<string, object?> Write(INoiseSchedule schedule, PredictionType prediction);

    /// <summary>What the network predicts. <see cref="Problem"/> must be null.</summary>
    /// <param name="scheduler">The scheduler, with the settings of a class that has these keys.</param>
    public virtual IParameterization ParameterizationOf(DiffusersScheduler scheduler) => Parameterization.Of(scheduler.Prediction);

    /// <summary>A key; null if the class does not have it.</summary>
    public DiffusersSetting? Find(string name) => Keys.FirstOrDefault(key => key.Name == name);

    /// <summary>The value of a key.</summary>
    protected object? In(IReadOnlyDictionary<string, object?> values, string key) => Find(key)!.In(values);

    /// <summary>The prediction of a name.</summary>
    protected static PredictionType PredictionOf(string name) => Predictions.First(pair => pair.Name == name).Type;

    /// <summary>The name of a prediction; null if diffusers has none.</summary>
    protected static string? NameOf(PredictionType prediction) => Predictions.FirstOrDefault(pair => pair.Type == prediction).Name;
}

using System.Collections.ObjectModel;
using System.Text;

namespace Diffusion;

/// <summary>
/// The contents of diffusers' <c>scheduler_config.json</c>: the class of the scheduler, the schedule that a model was trained with, what it
/// predicts, and how to sample. The settings have diffusers' names and defaults.
/// </summary>
/// <remarks>
/// <c>scheduler with { ClassName = "EulerDiscreteScheduler" }</c> samples the same model in another way; settings that both classes have
/// are kept. Two schedulers are equal if their classes, noise schedules, predictions and settings are.
/// </remarks>
public sealed record DiffusersScheduler
{
    private readonly Dictionary<string, object?> settings = new(StringComparer.Ordinal);

    /// <summary>The classes that are supported.</summary>
    public static IReadOnlyList<string> SupportedClasses => DiffusersSchedulerClasses.Names;

    /// <summary>The class in diffusers, one of <see cref="SupportedClasses"/>. Default <c>DDPMScheduler</c>.</summary>
    public string ClassName { get; init; } = "DDPMScheduler";

    /// <summary>
    /// The noise schedule: a <see cref="DiscreteSchedule"/> for the keys <c>num_train_timesteps</c>, <c>beta_schedule</c>,
    /// <c>beta_start</c>, <c>beta_end</c>, <c>trained_betas</c> and <c>rescale_betas_zero_snr</c>; a <see cref="FlowSchedule"/> for
    /// <c>shift</c>, or <c>use_flow_sigmas</c> and <c>flow_shift</c>; an <see cref="EdmSchedule"/> for <c>sigma_min</c> and
    /// <c>sigma_max</c> of the EDM classes.
    /// </summary>
    public required INoiseSchedule Schedule { get; init; }

    /// <summary>
    /// What the network predicts, <c>prediction_type</c>. Default the noise. For the EDM classes it is <see cref="PredictionType.Edm"/>,
    /// and the settings <c>prediction_type</c> and <c>sigma_data</c> belong to it: see <see cref="CreateParameterization"/>.
    /// </summary>
    public PredictionType Prediction { get; init; }

    /// <summary>
    /// The other settings that the file had, or that <see cref="With"/> set, by diffusers' names. A value is a <see cref="bool"/>,
    /// <see cref="int"/>, <see cref="double"/>, <see cref="string"/>, a list of numbers, or null.
    /// </summary>
    public IReadOnlyDictionary<string, object?> Settings
    {
        get => settings.AsReadOnly();
        private init => settings = new Dictionary<string, object?>(value, StringComparer.Ordinal);
    }

    /// <summary>The keys of the schedule that a file had; null where there was no file.</summary>
    internal ScheduleKeys? FileKeys { get; init; }

    /// <summary>
    /// The value of a setting, or the default of the class; null if the class does not have the setting.
    /// </summary>
    /// <param name="setting">The key, such as <c>timestep_spacing</c>.</param>
    public object? this[string setting] => DiffusersSchedulerClasses.Find(ClassName)?.Find(setting)?.In(settings);

    /// <summary>Reads a <c>scheduler_config.json</c>. Missing keys have the defaults of the class.</summary>
    /// <param name="json">The text of the file.</param>
    /// <exception cref="FormatException">
    /// The text is not a JSON object with a <c>_class_name</c>, or has keys or values that are not supported; the message names every one
    /// and what is supported.
    /// </exception>
    public static DiffusersScheduler FromJson(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        return DiffusersSchedulerJson.Read(json, index: null);
    }

    /// <summary>Writes a <c>scheduler_config.json</c> with every key of the class, as diffusers does.</summary>
    /// <exception cref="ArgumentException">
    /// <see cref="Problems"/> is not empty, or diffusers cannot express the schedule.
    /// </exception>
    public string ToJson()
    {
        ThrowIfInvalid();
        return Encoding.UTF8.GetString(DiffusersSchedulerJson.Write(this));
    }

    /// <summary>A copy with another value of a setting.</summary>
    /// <param name="setting">The key, such as <c>timestep_spacing</c>.</param>
    /// <param name="value">
    /// A <see cref="bool"/>, <see cref="int"/>, <see cref="double"/>, <see cref="string"/> or list of numbers, as the setting needs; null
    /// for Python's None.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The class does not have the setting, the schedule or the prediction holds it, or the value is not supported.
    /// </exception>
    public DiffusersScheduler With(string setting, object? value)
    {
        ArgumentNullException.ThrowIfNull(setting);
        DiffusersSchedulerClass type = DiffusersSchedulerClasses.Find(ClassName)
            ?? throw new ArgumentException(DiffusersSchedulerClasses.Unsupported(ClassName), nameof(setting));
        if (type.Source.Find(setting) is not null)
        {
            throw new ArgumentException($"{setting} is part of {nameof(Schedule)} or {nameof(Prediction)}. Set that instead.",
                nameof(setting));
        }

        DiffusersSetting key = type.Find(setting) ?? throw new ArgumentException(
            $"{ClassName} has no setting {setting}. It has {string.Join(", ", type.Settings.Select(one => one.Name))}.", nameof(setting));
        Dictionary<string, object?> changed = new(settings, StringComparer.Ordinal)
        {
            [setting] = value is null ? null : key.Kind.TryConvert(value) ?? value,
        };
        return key.Problem(changed) is { } problem
            ? throw new ArgumentException(problem, nameof(value))
            : this with { Settings = changed };
    }

    /// <summary>Lists the problems of these settings by diffusers' keys; empty when there are none.</summary>
    public IReadOnlyList<string> Problems() => DiffusersSchedulerClasses.Find(ClassName) is not { } type
        ? [DiffusersSchedulerClasses.Unsupported(ClassName)]
        :
        type.Settings.Select(key => key.Problem(settings)).Append(type.Source.Problem(Schedule, Prediction)).OfType<string>()
            .ToArray() is { Length: > 0 } problems ? problems
        : ExchangeProblem(type) is { } problem ? [problem]
        : [];

    /// <summary>
    /// What the network predicts, with the numbers that the class has for it, such as <c>sigma_data</c> of the EDM classes.
    /// </summary>
    /// <exception cref="ArgumentException"><see cref="Problems"/> is not empty.</exception>
    public IParameterization CreateParameterization()
    {
        IReadOnlyList<string> problems = Problems();
        return problems.Count == 0
            ? DiffusersSchedulerClasses.Find(ClassName)!.Source.ParameterizationOf(this)
            : throw new ArgumentException($"The scheduler does not say what the network predicts: {string.Join(" ", problems)}");
    }

    // Some classes read the same keys as another preconditioning, or give the network another label.
    private string? ExchangeProblem(DiffusersSchedulerClass type)
    {
        if (FileKeys is not { } file || file.ClassName == ClassName)
        {
            return null;
        }

        DiffusersSource source = DiffusersSchedulerClasses.Find(file.ClassName)!.Source;
        string before = source.ParameterizationOf(this with { ClassName = file.ClassName }).Description;
        string now = type.Source.ParameterizationOf(this).Description;
        return before == now ? null
            : $"ClassName is {ClassName}, for which the network predicts {now}, but in its file, of {file.ClassName}, it predicts "
                + $"{before}. Choose a class of the same prediction, or a sampler of this library for the denoiser.";
    }

    /// <summary>Whether the classes, schedules, predictions and settings are equal.</summary>
    public bool Equals(DiffusersScheduler? other)
    {
        if (other is null || ClassName != other.ClassName || Prediction != other.Prediction
            || Schedule.Description != other.Schedule.Description)
        {
            return false;
        }

        IReadOnlyDictionary<string, object?> one = Effective();
        IReadOnlyDictionary<string, object?> two = other.Effective();
        return one.Count == two.Count && one.All(pair =>
            two.TryGetValue(pair.Key, out object? value) && DiffusersValueKind.AreSame(pair.Value, value));
    }

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(ClassName, Prediction, Schedule.Description);

    /// <summary>Throws if there are problems.</summary>
    /// <exception cref="ArgumentException">Lists them.</exception>
    internal void ThrowIfInvalid()
    {
        if (Problems() is [_, ..] problems)
        {
            throw new ArgumentException($"The scheduler cannot be written: {string.Join(" ", problems)}");
        }
    }

    /// <summary>A copy with all settings of a file.</summary>
    internal DiffusersScheduler WithAll(IReadOnlyDictionary<string, object?> values) => this with { Settings = values };

    /// <summary>The settings of the class with their values, and those of other classes that the file had.</summary>
    internal IReadOnlyDictionary<string, object?> Effective()
    {
        Dictionary<string, object?> values = new(settings, StringComparer.Ordinal);
        DiffusersSchedulerClass? type = DiffusersSchedulerClasses.Find(ClassName);
        foreach (DiffusersSetting key in type?.Settings ?? ReadOnlyCollection<DiffusersSetting>.Empty)
        {
            values[key.Name] = key.In(settings);
        }

        foreach (DiffusersSetting key in type?.Source.Keys ?? ReadOnlyCollection<DiffusersSetting>.Empty)
        {
            values.Remove(key.Name);
        }

        return values;
    }
}

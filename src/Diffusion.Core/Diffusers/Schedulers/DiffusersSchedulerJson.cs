using System.Text.Json;
using static Diffusion.JsonValues;

namespace Diffusion;

/// <summary>scheduler_config.json.</summary>
internal static class DiffusersSchedulerJson
{
    private const string ClassKey = "_class_name";
    private const string VersionKey = "_diffusers_version";
    private const string PredictionKey = DiffusersSource.PredictionKey;
    private const string PredictsNoiseKey = "predict_epsilon";

    // Keys of old files.
    private static readonly JsonKey<Dictionary<string, object?>>[] OldKeys =
    [
        new(PredictsNoiseKey, (values, json) =>
        {
            values[PredictsNoiseKey] = OrNull(json, Flag);
            return values;
        }),
        new("timestep_values", (values, json) =>
            json.ValueKind == JsonValueKind.Null ? values : throw new FormatException("only null is supported.")),
        new("tensor_format", (values, json) =>
            Text(json) is "np" or "pt" ? values : throw new FormatException("must be \"pt\" or \"np\".")),
    ];

    /// <summary>Reads a file.</summary>
    /// <param name="json">Its text.</param>
    /// <param name="index">The index of the pipeline that it belongs to; null where there is none.</param>
    /// <exception cref="FormatException">Names every key and value that is not supported.</exception>
    public static DiffusersScheduler Read(string json, DiffusersIndex? index)
    {
        using JsonDocument document = Parse(json);
        string? own = ClassOf(document.RootElement);
        string? named = index?.Scheduler;
        if (own is not null && named is not null && own != named)
        {
            throw new FormatException(
                $"{ClassKey} is \"{own}\", but {DiffusersIndex.FileName} says that the scheduler is \"{named}\". Both must be the same.");
        }

        DiffusersSchedulerClass declared = DiffusersSchedulerClasses.Of(
            own ?? named ?? throw new FormatException($"{ClassKey} is missing, and nothing else says which scheduler this is."));
        return Read(document.RootElement, index is null ? declared : DiffusersSchedulerClasses.Of(index.SamplingScheduler));
    }

    /// <summary>Writes a file, its keys in alphabetical order as diffusers does.</summary>
    /// <exception cref="ArgumentException">diffusers cannot express the schedule.</exception>
    public static byte[] Write(DiffusersScheduler scheduler)
    {
        DiffusersSchedulerClass type = DiffusersSchedulerClasses.Find(scheduler.ClassName)!;
        Dictionary<string, object?> values = new(scheduler.Effective(), StringComparer.Ordinal);
        foreach ((string key, object? value) in type.Source.Write(scheduler.Schedule, scheduler.Prediction))
        {
            values[key] = value;
        }

        if (scheduler.FileKeys is { } file && file.AreOf(scheduler))
        {
            foreach ((string key, object? value) in file.Values)
            {
                values[key] = value;
            }
        }

        return PythonJsonWriter.Object(writer =>
        {
            writer.WriteString(ClassKey, type.Name);
            writer.WriteString(VersionKey, DiffusersFolder.FormatVersion);
            foreach ((string key, object? value) in values.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            {
                (type.Find(key) ?? type.Source.Find(key) ?? DiffusersSchedulerClasses.Keys[key]).Write(writer, value);
            }
        });
    }

    private static string? ClassOf(JsonElement json)
    {
        if (!json.TryGetProperty(ClassKey, out JsonElement name))
        {
            return null;
        }

        try
        {
            return Text(name);
        }
        catch (FormatException e)
        {
            throw new FormatException($"{ClassKey} is {Shown(name)}, but {e.Message}", e);
        }
    }

    private static DiffusersScheduler Read(JsonElement json, DiffusersSchedulerClass type)
    {
        List<string> problems = [];
        Dictionary<string, object?> values = JsonKeys.Read(
            json, new Dictionary<string, object?>(StringComparer.Ordinal), [.. KeysOf(type), .. OldKeys], IsNote, problems);
        UseOldPrediction(values, problems);
        string[] ofSource = [.. type.Source.Keys.Select(key => key.Problem(values)).OfType<string>()];
        problems.AddRange([.. ofSource, .. type.Settings.Select(key => key.Problem(values)).OfType<string>()]);
        (INoiseSchedule Schedule, PredictionType Prediction)? source = ofSource.Length == 0 ? type.Source.Read(values, problems) : null;
        if (problems.Count == 0 && source is var (schedule, prediction))
        {
            Dictionary<string, object?> settings = values.Where(pair => type.Source.Find(pair.Key) is null)
                .ToDictionary(StringComparer.Ordinal);
            Dictionary<string, object?> ofSchedule = type.Source.Keys.Where(key => key.Name != PredictionKey)
                .ToDictionary(key => key.Name, key => key.In(values), StringComparer.Ordinal);
            return new DiffusersScheduler
            {
                ClassName = type.Name, Schedule = schedule, Prediction = prediction,
                FileKeys = new ScheduleKeys(type.Name, schedule, ofSchedule),
            }.WithAll(settings);
        }

        throw JsonKeys.Refuse(type.Name, problems);
    }

    // A key of another class has no effect, but is kept, as in diffusers: it has one when the class is exchanged.
    private static IEnumerable<JsonKey<Dictionary<string, object?>>> KeysOf(DiffusersSchedulerClass type) =>
        DiffusersSchedulerClasses.Keys.Values.Select(key => (type.Find(key.Name) ?? type.Source.Find(key.Name), key) switch
        {
            ({ } own, _) => Key(own.Name, own.Read),
            (null, var other) => Key(other.Name, json => json.ValueKind == JsonValueKind.Null ? null : other.Kind.Read(json)),
        });

    private static JsonKey<Dictionary<string, object?>> Key(string name, Func<JsonElement, object?> read) => new(name, (values, json) =>
    {
        values[name] = read(json);
        return values;
    });

    // predict_epsilon false meant that the network predicts the clean image. The present diffusers ignores the key.
    private static void UseOldPrediction(Dictionary<string, object?> values, List<string> problems)
    {
        if (!values.Remove(PredictsNoiseKey, out object? old) || old is not bool predictsNoise)
        {
            return;
        }

        string meant = predictsNoise ? "epsilon" : "sample";
        if (values.TryGetValue(PredictionKey, out object? present) && present is string name && name != meant)
        {
            problems.Add($"{PredictsNoiseKey} is {(predictsNoise ? "true" : "false")}, which means {PredictionKey} \"{meant}\", but "
                + $"{PredictionKey} is \"{name}\". Remove {PredictsNoiseKey}.");
        }

        values[PredictionKey] = meant;
    }

    private static bool IsNote(JsonProperty property) => property.Name.StartsWith('_');
}

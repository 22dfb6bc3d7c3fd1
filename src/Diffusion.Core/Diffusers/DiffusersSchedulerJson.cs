using System.Text.Json;
using static Diffusion.JsonValues;

namespace Diffusion;

/// <summary>scheduler_config.json: one table of keys, how each is read and how it is written.</summary>
internal static class DiffusersSchedulerJson
{
    // Keys of other schedulers: diffusers keeps them, so that schedulers can be exchanged.
    private static readonly PredictionType[] Predictions = [PredictionType.Epsilon, PredictionType.Sample, PredictionType.Velocity];
    private static readonly NoiseScheduleKind[] Curves = [NoiseScheduleKind.Cosine, NoiseScheduleKind.Linear,
        NoiseScheduleKind.ScaledLinear, NoiseScheduleKind.Sigmoid];

    private static readonly HashSet<string> OfOtherSchedulers =
    [
        "algorithm_type", "corrector_steps", "disable_corrector", "euler_at_final", "final_sigmas_type", "flow_shift", "interpolation_type",
        "lambda_min_clipped", "lower_order_final", "noise_sampler_seed", "predict_x0", "sigma_max", "sigma_min", "skip_prk_steps",
        "solver_order", "solver_p", "solver_type", "timestep_type", "use_beta_sigmas", "use_exponential_sigmas", "use_flow_sigmas",
        "use_karras_sigmas", "use_lu_lambdas",
    ];

    private static readonly JsonKey<Values>[] Keys =
    [
        Beta("num_train_timesteps", (b, v) => b with { Timesteps = Integer(v) }, (w, b) => w.WriteNumberValue(b.Timesteps)),
        Beta("beta_start", (b, v) => b with { Start = Number(v) }, (w, b) => PythonJsonWriter.WriteFloat(w, b.Start)),
        Beta("beta_end", (b, v) => b with { End = Number(v) }, (w, b) => PythonJsonWriter.WriteFloat(w, b.End)),
        Beta("beta_schedule", (b, v) =>
            b with { Curve = ChoiceOf(Text(v), DiffusersBetas.NameOf, Curves) }, (w, b) =>
                w.WriteStringValue(DiffusersBetas.NameOf(b.Curve))),
        Beta("trained_betas", (b, v) =>
            b with { Trained = v.ValueKind == JsonValueKind.Null ? null : Items(v, Number) }, (w, b) => WriteBetas(w, b.Trained)),
        Setting("variance_type", (s, v) => s with { VarianceType = Variance(v) }, (w, s) => w.WriteStringValue(SnakeCase(s.VarianceType))),
        Setting("clip_sample", (s, v) => s with { ClipSample = Flag(v) }, (w, s) => w.WriteBooleanValue(s.ClipSample)),
        Setting("set_alpha_to_one", (s, v) => s with { SetAlphaToOne = Flag(v) }, (w, s) => w.WriteBooleanValue(s.SetAlphaToOne)),
        Setting("prediction_type", (s, v) =>
            s with { Prediction = ChoiceOf(Text(v), NameOf, Predictions) }, (w, s) => w.WriteStringValue(NameOf(s.Prediction))),
        Setting("thresholding", (s, v) => s with { Thresholding = Flag(v) }, (w, s) => w.WriteBooleanValue(s.Thresholding)),
        Setting("dynamic_thresholding_ratio", (s, v) =>
            s with { DynamicThresholdingRatio = Number(v) }, (w, s) => PythonJsonWriter.WriteFloat(w, s.DynamicThresholdingRatio)),
        Setting("clip_sample_range", (s, v) =>
            s with { ClipSampleRange = Number(v) }, (w, s) => PythonJsonWriter.WriteFloat(w, s.ClipSampleRange)),
        Setting("sample_max_value", (s, v) =>
            s with { SampleMaxValue = Number(v) }, (w, s) => PythonJsonWriter.WriteFloat(w, s.SampleMaxValue)),
        Setting("timestep_spacing", (s, v) =>
            s with { TimestepSpacing = ChoiceOf<DiffusersSpacing>(Text(v), SnakeCase) }, (w, s) =>
                w.WriteStringValue(SnakeCase(s.TimestepSpacing))),
        Setting("steps_offset", (s, v) => s with { StepsOffset = Integer(v) }, (w, s) => w.WriteNumberValue(s.StepsOffset)),
        Setting("rescale_betas_zero_snr", (s, v) => Flag(v)
            ? throw new FormatException("only false is supported: the library has no such schedule.")
            : s, (w, _) => w.WriteBooleanValue(false)),
        new("predict_epsilon", (c, v) => Flag(v)
            ? c
            : throw new FormatException("only true is supported. Write prediction_type \"sample\" instead.")),
        new("timestep_values", (c, v) => v.ValueKind == JsonValueKind.Null ? c : throw new FormatException("only null is supported.")),
        new("tensor_format", (c, v) => Text(v) is "np" or "pt" ? c : throw new FormatException("must be \"pt\" or \"np\".")),
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
                $"_class_name is \"{own}\", but {DiffusersIndex.FileName} says that the scheduler is \"{named}\". Both must be the same.");
        }

        DiffusersSchedulerKind kind = DiffusersClasses.KindOf(
            own ?? named ?? throw new FormatException("_class_name is missing, and nothing else says which scheduler this is."));
        return Read(document.RootElement, index?.Kind ?? kind);
    }

    private static string? ClassOf(JsonElement json)
    {
        if (!json.TryGetProperty("_class_name", out JsonElement name))
        {
            return null;
        }

        try
        {
            return Text(name);
        }
        catch (FormatException e)
        {
            throw new FormatException($"_class_name is {Shown(name)}, but {e.Message}", e);
        }
    }

    private static DiffusersScheduler Read(JsonElement json, DiffusersSchedulerKind kind)
    {
        List<string> problems = [];
        DiffusersScheduler start = new() { Kind = kind, Schedule = NoiseSchedule.Linear() };
        (DiffusersScheduler scheduler, DiffusersBetas betas) = JsonKeys.Read(json, new Values(start, new DiffusersBetas()), Keys, IsNote,
            problems);
        problems.AddRange([.. scheduler.Problems(), .. betas.Problems()]);
        if (problems.Count > 0)
        {
            throw JsonKeys.Refuse(DiffusersClasses.SchedulerOf(kind), problems);
        }

        try
        {
            return scheduler with { Schedule = betas.ToSchedule() };
        }
        catch (ArgumentException e)
        {
            throw JsonKeys.Refuse(DiffusersClasses.SchedulerOf(kind), [$"beta_start and beta_end give no schedule: {e.Message}"]);
        }
    }

    /// <summary>Writes every key.</summary>
    public static void Write(Utf8JsonWriter writer, DiffusersScheduler scheduler) =>
        JsonKeys.Write(writer, new Values(scheduler, DiffusersBetas.Of(scheduler.Schedule, scheduler.Kind)), Keys);

    private static JsonKey<Values> Beta(
        string name, Func<DiffusersBetas, JsonElement, DiffusersBetas> read, Action<Utf8JsonWriter, DiffusersBetas> write) =>
        new(name, (values, json) => values with { Betas = read(values.Betas, json) }, (writer, values) => write(writer, values.Betas));

    private static JsonKey<Values> Setting(
        string name, Func<DiffusersScheduler, JsonElement, DiffusersScheduler> read, Action<Utf8JsonWriter, DiffusersScheduler> write) =>
        new(name, (values, json) =>
            values with { Scheduler = read(values.Scheduler, json) }, (writer, values) => write(writer, values.Scheduler));

    private static bool IsNote(JsonProperty property) => property.Name.StartsWith('_') || OfOtherSchedulers.Contains(property.Name);

    // The logarithm of the small variance leads to the same numbers; that of the large one gives NaN in diffusers itself.
    private static DiffusersVariance Variance(JsonElement value) =>
        Text(value) is var name && name == "fixed_small_log" ? DiffusersVariance.FixedSmall : ChoiceOf<DiffusersVariance>(name, SnakeCase);

    private static string NameOf(PredictionType prediction) =>
        prediction == PredictionType.Velocity ? "v_prediction" : SnakeCase(prediction);

    private static void WriteBetas(Utf8JsonWriter writer, IReadOnlyList<double>? betas)
    {
        if (betas is null)
        {
            writer.WriteNullValue();
            return;
        }

        writer.WriteStartArray();
        foreach (double beta in betas)
        {
            PythonJsonWriter.WriteFloat(writer, beta);
        }

        writer.WriteEndArray();
    }

    /// <summary>The two groups of settings in the file.</summary>
    private sealed record Values(DiffusersScheduler Scheduler, DiffusersBetas Betas);
}

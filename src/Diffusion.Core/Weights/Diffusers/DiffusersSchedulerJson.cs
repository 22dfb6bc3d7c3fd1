using System.Text.Json;
using static Diffusion.JsonValues;

namespace Diffusion;

/// <summary>scheduler_config.json: one table of keys, how each is read and how it is written.</summary>
internal static class DiffusersSchedulerJson
{
    // What other schedulers know and these two do not: diffusers carries such keys along, so that schedulers can be exchanged.
    private static readonly HashSet<string> OfOtherSchedulers =
    [
        "algorithm_type", "corrector_steps", "disable_corrector", "euler_at_final", "final_sigmas_type", "flow_shift", "interpolation_type",
        "lambda_min_clipped", "lower_order_final", "noise_sampler_seed", "predict_x0", "sigma_max", "sigma_min", "skip_prk_steps",
        "solver_order", "solver_p", "solver_type", "timestep_type", "use_beta_sigmas", "use_exponential_sigmas", "use_flow_sigmas",
        "use_karras_sigmas", "use_lu_lambdas",
    ];

    private static readonly JsonKey<Values>[] Keys =
    [
        new("num_train_timesteps", (c, v) => c with { Betas = c.Betas with { Timesteps = Integer(v) } }, (w, c) => w.WriteNumberValue(c.Betas.Timesteps)),
        new("beta_start", (c, v) => c with { Betas = c.Betas with { Start = Number(v) } }, (w, c) => PythonJson.WriteFloat(w, c.Betas.Start)),
        new("beta_end", (c, v) => c with { Betas = c.Betas with { End = Number(v) } }, (w, c) => PythonJson.WriteFloat(w, c.Betas.End)),
        new("beta_schedule", (c, v) => c with { Betas = c.Betas with { Curve = ChoiceOf<NoiseScheduleKind>(Text(v), DiffusersBetas.NameOf) } }, (w, c) => w.WriteStringValue(DiffusersBetas.NameOf(c.Betas.Curve))),
        new("trained_betas", (c, v) => c with { Betas = c.Betas with { Trained = v.ValueKind == JsonValueKind.Null ? null : Items(v, Number) } }, (w, c) => WriteBetas(w, c.Betas.Trained)),
        new("variance_type", (c, v) => c with { Scheduler = c.Scheduler with { VarianceType = Variance(v) } }, (w, c) => w.WriteStringValue(SnakeCase(c.Scheduler.VarianceType))),
        new("clip_sample", (c, v) => c with { Scheduler = c.Scheduler with { ClipSample = Flag(v) } }, (w, c) => w.WriteBooleanValue(c.Scheduler.ClipSample)),
        new("set_alpha_to_one", (c, v) => c with { Scheduler = c.Scheduler with { SetAlphaToOne = Flag(v) } }, (w, c) => w.WriteBooleanValue(c.Scheduler.SetAlphaToOne)),
        new("prediction_type", (c, v) => c with { Scheduler = c.Scheduler with { Prediction = ChoiceOf<PredictionType>(Text(v), NameOf) } }, (w, c) => w.WriteStringValue(NameOf(c.Scheduler.Prediction))),
        new("thresholding", (c, v) => c with { Scheduler = c.Scheduler with { Thresholding = Flag(v) } }, (w, c) => w.WriteBooleanValue(c.Scheduler.Thresholding)),
        new("dynamic_thresholding_ratio", (c, v) => c with { Scheduler = c.Scheduler with { DynamicThresholdingRatio = Number(v) } }, (w, c) => PythonJson.WriteFloat(w, c.Scheduler.DynamicThresholdingRatio)),
        new("clip_sample_range", (c, v) => c with { Scheduler = c.Scheduler with { ClipSampleRange = Number(v) } }, (w, c) => PythonJson.WriteFloat(w, c.Scheduler.ClipSampleRange)),
        new("sample_max_value", (c, v) => c with { Scheduler = c.Scheduler with { SampleMaxValue = Number(v) } }, (w, c) => PythonJson.WriteFloat(w, c.Scheduler.SampleMaxValue)),
        new("timestep_spacing", (c, v) => c with { Scheduler = c.Scheduler with { TimestepSpacing = ChoiceOf<DiffusersSpacing>(Text(v), SnakeCase) } }, (w, c) => w.WriteStringValue(SnakeCase(c.Scheduler.TimestepSpacing))),
        new("steps_offset", (c, v) => c with { Scheduler = c.Scheduler with { StepsOffset = Integer(v) } }, (w, c) => w.WriteNumberValue(c.Scheduler.StepsOffset)),
        new("rescale_betas_zero_snr", (c, v) => Flag(v) ? throw new FormatException("only false is supported: the library has no such schedule.") : c, (w, _) => w.WriteBooleanValue(false)),
        new("predict_epsilon", (c, v) => Flag(v) ? c : throw new FormatException("only true is supported. Write prediction_type \"sample\" in its place.")),
        new("timestep_values", (c, v) => v.ValueKind == JsonValueKind.Null ? c : throw new FormatException("only null is supported.")),
        new("tensor_format", (c, v) => Text(v) is "np" or "pt" ? c : throw new FormatException("must be \"pt\" or \"np\".")),
    ];

    /// <summary>The class that a configuration is of, or null where it does not say.</summary>
    /// <exception cref="FormatException">It is no class's name.</exception>
    public static string? ClassOf(JsonElement json) => json.TryGetProperty("_class_name", out JsonElement name)
        ? name.ValueKind == JsonValueKind.String ? Text(name) : throw new FormatException($"_class_name is {Shown(name)}, but must be a string.")
        : null;

    /// <summary>Reads a configuration.</summary>
    /// <exception cref="FormatException">Names every key and value that is not supported.</exception>
    public static DiffusersScheduler Read(JsonElement json, DiffusersSchedulerKind kind)
    {
        List<string> problems = [];
        DiffusersScheduler start = new() { Kind = kind, Schedule = NoiseSchedule.Linear() };
        (DiffusersScheduler scheduler, DiffusersBetas betas) = JsonKeys.Read(json, new Values(start, new DiffusersBetas()), Keys, IsNote, problems);
        problems.AddRange([.. scheduler.Problems(), .. betas.Problems()]);
        return problems.Count == 0
            ? scheduler with { Schedule = betas.ToSchedule() }
            : throw JsonKeys.Refuse(DiffusersClasses.SchedulerOf(kind), problems);
    }

    /// <summary>Writes every key.</summary>
    public static void Write(Utf8JsonWriter writer, DiffusersScheduler scheduler) =>
        JsonKeys.Write(writer, new Values(scheduler, DiffusersBetas.Of(scheduler.Schedule, scheduler.Kind)), Keys);

    private static bool IsNote(JsonProperty property) => property.Name.StartsWith('_') || OfOtherSchedulers.Contains(property.Name);

    // The logarithm of the small variance is only another way to the same numbers; that of the large one gives NaN in diffusers itself.
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
            PythonJson.WriteFloat(writer, beta);
        }

        writer.WriteEndArray();
    }

    /// <summary>The two things that the file mixes.</summary>
    private sealed record Values(DiffusersScheduler Scheduler, DiffusersBetas Betas);
}

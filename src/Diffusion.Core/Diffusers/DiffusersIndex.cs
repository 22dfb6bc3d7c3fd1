using System.Text.Json;
using static Diffusion.JsonValues;

namespace Diffusion;

/// <summary>model_index.json: the classes of a folder's pipeline and scheduler.</summary>
/// <param name="Pipeline">The class of the pipeline.</param>
/// <param name="Scheduler">The class of the scheduler.</param>
internal sealed record DiffusersIndex(string? Pipeline = null, string? Scheduler = null)
{
    /// <summary>The file of an index.</summary>
    public const string FileName = "model_index.json";

    private static readonly JsonKey<DiffusersIndex>[] Keys =
    [
        new("_class_name", (i, v) => i with { Pipeline = PipelineOf(v) }, (w, i) => w.WriteStringValue(i.Pipeline)),
        new("_diffusers_version", (i, _) => i, (w, _) => w.WriteStringValue(DiffusersFolder.FormatVersion)),
        new("scheduler", (i, v) => i with { Scheduler = SchedulerOf(v) }, (w, i) => WriteClass(w, i.Scheduler!)),
        new("unet", (i, v) => ClassOf(v) == DiffusersClasses.UNet
            ? i
            : throw new FormatException($"must be {DiffusersClasses.UNet}."), (w, _) => WriteClass(w, DiffusersClasses.UNet)),
    ];

    /// <summary>The scheduler that samples: a DDIM pipeline converts any scheduler to DDIM.</summary>
    public string SamplingScheduler => Pipeline == DiffusersClasses.DdimPipeline ? DiffusersClasses.DdimScheduler : Scheduler!;

    /// <summary>Reads an index.</summary>
    /// <exception cref="FormatException">Names every key and value that is not supported.</exception>
    public static DiffusersIndex Read(string json)
    {
        using JsonDocument document = Parse(json);
        List<string> problems = [];
        DiffusersIndex index = JsonKeys.Read(
            document.RootElement, new DiffusersIndex(), Keys, p => p.Name.StartsWith('_') && p.Name != "_class_name", problems);
        problems.AddRange(((string[])["_class_name", "scheduler", "unet"]).Where(key => !document.RootElement.TryGetProperty(key, out _))
            .Select(key => $"{key} is missing."));
        return problems.Count == 0 ? index : throw JsonKeys.Refuse("pipeline", problems);
    }

    /// <summary>The bytes of the index of a pipeline.</summary>
    /// <param name="scheduler">The class of its scheduler.</param>
    public static byte[] Of(string scheduler) => PythonJsonWriter.Object(writer =>
        JsonKeys.Write(writer, new DiffusersIndex(DiffusersClasses.PipelineOf(scheduler), scheduler), Keys));

    private static string PipelineOf(JsonElement value) => DiffusersClasses.Pipelines.Contains(Text(value), StringComparer.Ordinal)
        ? Text(value)
        : throw new FormatException(
            $"must be {string.Join(" or ", DiffusersClasses.Pipelines.Select(pipeline => $"\"{pipeline}\""))}.");

    private static string ClassOf(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array && Items(value, Text) is [DiffusersClasses.Library, { } name]
        ? name
        : throw new FormatException($"must be the library \"{DiffusersClasses.Library}\" and the name of a class of it.");

    private static string SchedulerOf(JsonElement value) => DiffusersSchedulerClasses.Of(ClassOf(value)).Name;

    private static void WriteClass(Utf8JsonWriter writer, string name)
    {
        writer.WriteStartArray();
        writer.WriteStringValue(DiffusersClasses.Library);
        writer.WriteStringValue(name);
        writer.WriteEndArray();
    }
}

using System.Text.Json;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests.Traces;

/// <summary>A recorded run of a sampler of diffusers or k-diffusion with a closed-form model, or a recorded table, in float64.</summary>
public sealed class SamplerTrace : IRecordedSettings, IDisposable
{
    private readonly JsonDocument document;
    private readonly SafeTensors file;

    public SamplerTrace(string folder)
    {
        Name = Path.GetFileName(folder);
        document = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "case.json"))
            .Replace("-Infinity", "null", StringComparison.Ordinal));
        file = SafeTensorsFile.Read(Path.Combine(folder, "trace.safetensors"));
    }

    public string Name { get; }

    public string Family => Text("family") ?? Name.Split('_')[0];

    /// <summary>The scheduler's class without its ending, or the function of k-diffusion.</summary>
    public string Class => Text("class")!.Replace("Scheduler", "", StringComparison.Ordinal);

    public int Steps => Case.GetProperty("num_inference_steps").GetInt32();

    /// <summary>Whether this is a table of grids at several numbers of steps, not a run.</summary>
    public bool IsTable => Text("kind") == "table";

    /// <summary>The number of timesteps that the scheduler was made for.</summary>
    public int Timesteps => (int)Number("num_train_timesteps", 1000);

    /// <summary>The noisy images at each call of the model.</summary>
    public Tensor Calls => Has("sample") ? this["sample"] : this["model_x"];

    public IEnumerable<string> Arrays => file.Tensors.Keys;

    private JsonElement Case => document.RootElement;

    public Tensor this[string name] => file.Tensors[name];

    public bool Has(string name) => file.Tensors.ContainsKey(name);

    /// <summary>The file of the scheduler.</summary>
    public string SchedulerFile() => $"{{\"_class_name\": \"{Text("class")}\", {Case.GetProperty("config").GetRawText().TrimStart()[1..]}"
        .Replace("\"-inf\"", "-Infinity", StringComparison.Ordinal);

    /// <summary>Whether a step or the sampler had arguments that no file holds.</summary>
    public bool HasArguments => Case.TryGetProperty("step_kwargs", out JsonElement arguments) && arguments.EnumerateObject().Any();

    public double[] Numbers(string name) => this[name].to(ScalarType.Float64).flatten().data<double>().ToArray();

    /// <summary>A setting of the scheduler.</summary>
    public JsonElement? Config(string name) => Setting("config", name) ?? Setting("config_given", name);

    public bool Flag(string name) => Config(name) is { ValueKind: JsonValueKind.True };

    public string? Word(string name) => Config(name) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    public double Number(string name, double otherwise = double.NaN) =>
        Config(name) is { ValueKind: JsonValueKind.Number } value ? value.GetDouble() : otherwise;

    /// <summary>An argument of a step or of the sampler.</summary>
    public double Argument(string name, double otherwise) =>
        (Setting("step_kwargs", name) ?? Setting("sampler_kwargs", name)) is { ValueKind: JsonValueKind.Number } value
            ? value.GetDouble()
            : otherwise;

    /// <summary>An argument of a step that is true or false.</summary>
    public bool ArgumentFlag(string name) => Setting("step_kwargs", name) is { ValueKind: JsonValueKind.True };

    /// <summary>An argument of a step or of the sampler that is a word.</summary>
    public string? ArgumentWord(string name) =>
        (Setting("step_kwargs", name) ?? Setting("sampler_kwargs", name)) is { ValueKind: JsonValueKind.String } value
            ? value.GetString()
            : null;

    /// <summary>An argument of the call that made the grid.</summary>
    public JsonElement? GridArgument(string name) => Setting("set_timesteps_kwargs", name);

    /// <summary>A number of the grid that a k-diffusion sampler was given.</summary>
    public double Grid(string name, double otherwise = double.NaN) =>
        Setting("grid", name) is { ValueKind: JsonValueKind.Number } value ? value.GetDouble() : otherwise;

    /// <summary>A word of the grid that a k-diffusion sampler was given.</summary>
    public string GridWord(string name) => Setting("grid", name)!.Value.GetString()!;

    public string? Text(string name) =>
        Case.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    public void Dispose()
    {
        document.Dispose();
        file.Dispose();
    }

    private JsonElement? Setting(string part, string name) =>
        Case.TryGetProperty(part, out JsonElement settings) && settings.ValueKind == JsonValueKind.Object
            && settings.TryGetProperty(name, out JsonElement value) ? value : null;
}

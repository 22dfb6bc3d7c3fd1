using System.Text.Json;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests.Traces;

/// <summary>A recorded run of a sampler of diffusers or k-diffusion, with a closed-form model, in float64.</summary>
public sealed class SamplerTrace : IDisposable
{
    private readonly JsonDocument document;
    private readonly SafeTensors file;

    public SamplerTrace(string folder)
    {
        document = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "case.json"))
            .Replace("-Infinity", "null", StringComparison.Ordinal));
        file = SafeTensorsFile.Read(Path.Combine(folder, "trace.safetensors"));
    }

    public string Family => Case.GetProperty("family").GetString()!;

    public int Steps => Case.GetProperty("num_inference_steps").GetInt32();

    /// <summary>The noisy images at each call of the model.</summary>
    public Tensor Calls => Has("sample") ? this["sample"] : this["model_x"];

    private JsonElement Case => document.RootElement;

    public Tensor this[string name] => file.Tensors[name];

    public bool Has(string name) => file.Tensors.ContainsKey(name);

    public double[] Numbers(string name) => this[name].to(ScalarType.Float64).data<double>().ToArray();

    /// <summary>A setting of the scheduler.</summary>
    public JsonElement? Config(string name) => Setting("config", name);

    /// <summary>An argument of a step or of the sampler.</summary>
    public double Argument(string name, double otherwise) =>
        (Setting("step_kwargs", name) ?? Setting("sampler_kwargs", name)) is { ValueKind: JsonValueKind.Number } value
            ? value.GetDouble()
            : otherwise;

    /// <summary>A number of the grid that a k-diffusion sampler was given.</summary>
    public double Grid(string name) => Case.GetProperty("grid").GetProperty(name).GetDouble();

    public string? Text(string name) => Case.TryGetProperty(name, out JsonElement value) ? value.GetString() : null;

    public void Dispose()
    {
        document.Dispose();
        file.Dispose();
    }

    private JsonElement? Setting(string part, string name) =>
        Case.TryGetProperty(part, out JsonElement settings) && settings.ValueKind == JsonValueKind.Object
            && settings.TryGetProperty(name, out JsonElement value) ? value : null;
}

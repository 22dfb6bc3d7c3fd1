using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Creates twins of models, and rejects wrong twins, which would silently train or average the wrong weights.</summary>
internal static class ModelTwin
{
    private const int MaxNamed = 5;

    /// <summary>Creates and checks a twin of a model, with weights in float32.</summary>
    /// <returns>The twin, which the caller disposes.</returns>
    /// <exception cref="InvalidOperationException">
    /// <see cref="IDiffusionModel.CreateTwin"/> did not return a twin. The message says why.
    /// </exception>
    public static IDiffusionModel Of(IDiffusionModel model)
    {
        IDiffusionModel? twin = model.CreateTwin();
        if (twin is null || ReferenceEquals(twin, model) || ReferenceEquals(twin.Network, model.Network))
        {
            throw Wrong(model, $"returned {(twin is null ? "null" : "the model itself")}");
        }

        try
        {
            Check(model, twin);
            if (PrecisionTypes.IsRounded(PrecisionTypes.Of(twin.Network)))
            {
                PrecisionTypes.ReturnToFloat32(twin.Network);
            }

            return twin;
        }
        catch
        {
            twin.Dispose();
            throw;
        }
    }

    /// <summary>Copies the weights of a model into its twin.</summary>
    public static void CopyWeights(IDiffusionModel model, IDiffusionModel twin)
    {
        Dictionary<string, Parameter> to = Parameters(twin);
        using IDisposable noGradients = no_grad();
        foreach ((string name, Parameter from) in model.Network.named_parameters())
        {
            to[name].copy_(from);
            to[name].requires_grad = from.requires_grad;
        }
    }

    private static void Check(IDiffusionModel model, IDiffusionModel twin)
    {
        Dictionary<string, Parameter> own = Parameters(model);
        Dictionary<string, Parameter> others = Parameters(twin);
        string[] missing = [.. own.Keys.Where(name => !others.ContainsKey(name))];
        string[] unexpected = [.. others.Keys.Where(name => !own.ContainsKey(name))];
        if (missing.Length + unexpected.Length > 0)
        {
            throw Wrong(
                model, $"returned a network with different parameters ({Names("missing", missing)}{Names("unexpected", unexpected)})");
        }

        bool isRounded = PrecisionTypes.IsRounded(PrecisionTypes.Of(model.Network)); // then a twin may have either type
        HashSet<IntPtr> memory = [.. own.Values.Where(HasMemory).Select(Memory)];
        foreach ((string name, Parameter parameter) in own)
        {
            Parameter other = others[name];
            if (!other.shape.AsSpan().SequenceEqual(parameter.shape))
            {
                throw Wrong(model, $"returned a network whose {name} is {Guard.Text(other)}, but the model's is {Guard.Text(parameter)}");
            }

            if ((other.dtype != parameter.dtype && !isRounded) || !Guard.OnOneDevice(other, parameter))
            {
                throw Wrong(
                    model, $"returned a network whose {name} is {other.dtype} on {other.device}, but the model's is {parameter.dtype} "
                        + $"on {parameter.device}");
            }

            if (HasMemory(other) && memory.Contains(Memory(other)))
            {
                throw Wrong(model, $"returned a network whose {name} shares its memory with the model");
            }
        }
    }

    private static Dictionary<string, Parameter> Parameters(IDiffusionModel model) =>
        model.Network.named_parameters().ToDictionary(p => p.name, p => p.parameter, StringComparer.Ordinal);

    private static bool HasMemory(Parameter parameter) => parameter.numel() > 0;

    private static IntPtr Memory(Parameter parameter) => TensorAddress.Of(parameter);

    private static string Names(string what, string[] names) =>
        names.Length == 0
            ? string.Empty
            : $"{what}: {string.Join(", ", names.Take(MaxNamed))}{(names.Length > MaxNamed ? ", ..." : string.Empty)}; ";

    private static InvalidOperationException Wrong(IDiffusionModel model, string fault) => new(
        $"{model.GetType().Name}.CreateTwin() {fault}. It must return a second network of the same architecture on the same device, with "
        + "its own parameters.");
}

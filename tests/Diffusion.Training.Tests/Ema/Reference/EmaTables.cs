using System.Text.Json;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Ema.Reference;

/// <summary>The files of <c>ema</c> below the folder of reference files, which were computed outside of this library.</summary>
internal static class EmaTables
{
    /// <summary>The one case of a theory where the files are not available.</summary>
    public const string None = "(none)";

    private static readonly string? Folder = ReferenceFolder.Find("ema");

    /// <summary>A table; skips the test where the files are not available.</summary>
    public static JsonElement Json(string name)
    {
        Assert.SkipWhen(Folder is null, ReferenceFolder.Missing);
        return Parse(name);
    }

    /// <summary>The cases of a table, for a theory.</summary>
    public static TheoryData<string> Cases(string name, Func<JsonElement, IEnumerable<string>> list) =>
        Folder is null ? [None] : [.. list(Parse(name))];

    /// <summary>The rows of each tensor in a file; skips the test where the files are not available.</summary>
    public static IReadOnlyDictionary<string, double[][]> Rows(string name)
    {
        Assert.SkipWhen(Folder is null, ReferenceFolder.Missing);
        using SafeTensors file = SafeTensorsFile.Read(Path.Combine(Folder!, name));
        return file.Tensors.ToDictionary(
            pair => pair.Key,
            pair => RowsOf(pair.Value),
            StringComparer.Ordinal);
    }

    private static double[][] RowsOf(Tensor tensor)
    {
        using Tensor wide = tensor.to(ScalarType.Float64);
        double[] all = wide.data<double>().ToArray();
        int columns = tensor.dim() == 1 ? 1 : (int)tensor.shape[1];
        return [.. all.Chunk(columns)];
    }

    private static JsonElement Parse(string name)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder!, name)));
        return document.RootElement.Clone();
    }
}

using System.Text.Json;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>The weights in the folder of a network: one safetensors file, or several with an index. It owns the tensors.</summary>
internal sealed class DiffusersWeights : IDisposable
{
    /// <summary>The file that holds all weights.</summary>
    public const string FileName = "diffusion_pytorch_model.safetensors";

    private const string IndexName = FileName + ".index.json";
    private const string PickleName = "diffusion_pytorch_model.bin";
    private const int MostParts = 1000;

    private static readonly JsonKey<Dictionary<string, string>>[] IndexKeys =
    [
        new("metadata", (map, v) => v.ValueKind == JsonValueKind.Object ? map : throw new FormatException("must be an object.")),
        new("weight_map", (_, v) => MapOf(v)),
    ];

    private readonly List<SafeTensors> parts = [];

    private DiffusersWeights(string path) => Path = path;

    /// <summary>The file, or the index of several, for messages.</summary>
    public string Path { get; }

    public Dictionary<string, Tensor> Tensors { get; } = new(StringComparer.Ordinal);

    /// <summary>Reads the weights.</summary>
    /// <exception cref="DiffusersFolderException">There are none, or they are damaged; the message names the file.</exception>
    public static DiffusersWeights Read(string folder)
    {
        string whole = System.IO.Path.Combine(folder, FileName);
        string index = System.IO.Path.Combine(folder, IndexName);
        bool isWhole = File.Exists(whole);
        bool isParted = File.Exists(index);
        if (isWhole == isParted)
        {
            throw isWhole
                ? new DiffusersFolderException(folder, $"there are both {FileName} and {IndexName}. Delete the one that is out of date.")
                : Missing(folder);
        }

        DiffusersWeights weights = new(isWhole ? whole : index);
        try
        {
            if (isWhole)
            {
                weights.Add(whole, _ => true);
            }
            else
            {
                weights.AddParts(folder, DiffusersFiles.Read(index, ReadIndex));
            }

            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    public void Dispose() => parts.ForEach(part => part.Dispose());

    private static DiffusersFolderException Missing(string folder)
    {
        if (File.Exists(System.IO.Path.Combine(folder, PickleName)))
        {
            return new DiffusersFolderException(
                folder,
                $"the weights are there only as {PickleName}, a Python pickle, which can run code of its author when it is loaded, and is "
                + $"therefore not read. Write {FileName} once, in Python: from diffusers import UNet2DModel; "
                + $"UNet2DModel.from_pretrained(\"{folder}\", use_safetensors=False).save_pretrained(\"{folder}\")");
        }

        string[] others = [.. Directory.GetFiles(folder, "*.safetensors").Select(file => System.IO.Path.GetFileName(file)!).Order(StringComparer.Ordinal)];
        return new DiffusersFolderException(
            folder,
            $"there is neither {FileName} nor {IndexName}."
            + (others.Length == 0 ? string.Empty : $" Rename what is meant: {string.Join(", ", others.Take(10))}."));
    }

    // The name of each weight, and the file that it is in.
    private static Dictionary<string, string> ReadIndex(string json)
    {
        using JsonDocument document = JsonValues.Parse(json);
        List<string> problems = [];
        Dictionary<string, string> map = JsonKeys.Read(document.RootElement, [], IndexKeys, _ => false, problems);
        int files = map.Values.Distinct(StringComparer.Ordinal).Count();
        if (problems.Count == 0 && files is < 1 or > MostParts)
        {
            problems.Add($"weight_map names {files} files, but must name 1 to {MostParts}.");
        }

        return problems.Count == 0 ? map : throw JsonKeys.Refuse("index of weights", problems);
    }

    private static Dictionary<string, string> MapOf(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException("must be an object.");
        }

        Dictionary<string, string> map = new(StringComparer.Ordinal);
        foreach (JsonProperty entry in value.EnumerateObject())
        {
            string file = JsonValues.Text(entry.Value);
            bool isPlain = file.EndsWith(".safetensors", StringComparison.Ordinal) && !file.AsSpan().ContainsAny('/', '\\', '\0') && !file.StartsWith('.');
            map.Add(JsonValues.NameOf(entry), isPlain ? file : throw new FormatException($"\"{file}\" must be the name of a .safetensors file beside it."));
        }

        return map;
    }

    private void AddParts(string folder, Dictionary<string, string> map)
    {
        foreach (string file in map.Values.Distinct(StringComparer.Ordinal))
        {
            Add(System.IO.Path.Combine(folder, file), name => map.GetValueOrDefault(name) == file);
        }

        if (map.Keys.FirstOrDefault(name => !Tensors.ContainsKey(name)) is { } missing)
        {
            throw new DiffusersFolderException(Path, $"weight_map says that {missing} is in {map[missing]}, but it is not.");
        }
    }

    private void Add(string file, Func<string, bool> belongs)
    {
        try
        {
            SafeTensors part = SafeTensorsFile.Read(file);
            parts.Add(part);
            foreach ((string name, Tensor tensor) in part.Tensors)
            {
                Tensors.Add(name, belongs(name)
                    ? tensor
                    : throw new DiffusersFolderException(Path, $"{System.IO.Path.GetFileName(file)} holds {name}, but weight_map does not say so."));
            }
        }
        catch (Exception e) when (e is (IOException or UnauthorizedAccessException) and not DiffusersFolderException)
        {
            throw new DiffusersFolderException(file, e is SafeTensorsException s ? s.Message : $"it cannot be read: {e.Message}", e);
        }
    }
}

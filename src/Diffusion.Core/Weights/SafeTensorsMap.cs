using System.Text;
using System.Text.Json;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>An index of several files: the file of each tensor, and the bytes of all tensors.</summary>
/// <param name="Map">The files by the names of the tensors.</param>
/// <param name="TotalSize">The tensors' bytes, or null where the index does not say.</param>
internal sealed record SafeTensorsMap(Dictionary<string, string> Map, long? TotalSize)
{
    /// <summary>The end of the name of a file of tensors.</summary>
    public const string Extension = ".safetensors";

    private const long MaxBytes = 16 << 20;
    private const int MaxFiles = 1000;

    private static readonly JsonKey<long?>[] Notes = [new("total_size", (_, v) => SizeOf(v))];

    private static readonly JsonKey<SafeTensorsMap>[] Keys =
    [
        new("metadata", (m, v) => m with { TotalSize = TotalSizeOf(v) }),
        new("weight_map", (m, v) => m with { Map = MapOf(v) }),
    ];

    /// <summary>The files, each once, by name.</summary>
    public IEnumerable<string> Files => Map.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);

    /// <summary>The file of a tensor, or null where there is none.</summary>
    public string? FileOf(string name) => Map.GetValueOrDefault(name);

    /// <summary>Reads an index.</summary>
    /// <exception cref="SafeTensorsException">It is not an index, or names files outside its folder.</exception>
    public static SafeTensorsMap Read(string path)
    {
        using FileStream file = File.OpenRead(path);
        if (file.Length > MaxBytes)
        {
            throw new SafeTensorsException(path, $"it has {file.Length} bytes, more than any index: at most {MaxBytes} are read.");
        }

        byte[] bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        if (GitLfsPointer.IsPointer(bytes, bytes.Length))
        {
            throw new SafeTensorsException(path, GitLfsPointer.Explanation);
        }

        try
        {
            return Parse(PythonJson.Decode(bytes));
        }
        catch (Exception e) when (e is FormatException or DecoderFallbackException)
        {
            throw new SafeTensorsException(path, e.Message, cause: e);
        }
    }

    /// <summary>Writes an index.</summary>
    public void Write(string path)
    {
        byte[] json = PythonJsonWriter.Object(writer =>
        {
            writer.WriteStartObject("metadata");
            writer.WriteNumber("total_size", TotalSize!.Value);
            writer.WriteEndObject();
            writer.WriteStartObject("weight_map");
            foreach ((string name, string file) in Map.OrderBy(entry => entry.Key, StringComparer.Ordinal))
            {
                writer.WriteString(name, file);
            }

            writer.WriteEndObject();
        });
        AtomicFile.Write(path, json);
    }

    /// <summary>Refuses tensors that are not those of the index.</summary>
    /// <exception cref="SafeTensorsException">One is missing, or they have another size.</exception>
    public void Check(string path, Dictionary<string, Tensor> tensors)
    {
        if (Map.Keys.FirstOrDefault(name => !tensors.ContainsKey(name)) is { } missing)
        {
            throw new SafeTensorsException(path, $"weight_map says that {missing} is in {Map[missing]}, but it is not.");
        }

        long bytes = tensors.Values.Sum(SafeTensorsIndex.BytesOf);
        if (TotalSize is { } total && total != bytes)
        {
            throw new SafeTensorsException(path, $"total_size is {total}, but the tensors have {bytes} bytes.");
        }
    }

    private static SafeTensorsMap Parse(string json)
    {
        using JsonDocument document = JsonValues.Parse(json);
        List<string> problems = [];
        SafeTensorsMap map = JsonKeys.Read(document.RootElement, new SafeTensorsMap([], null), Keys, _ => false, problems);
        if (problems.Count == 0 && map.Files.Count() is var files && files is < 1 or > MaxFiles)
        {
            problems.Add($"weight_map names {files} files, but must name 1 to {MaxFiles}.");
        }

        return problems.Count == 0 ? map : throw JsonKeys.Refuse("index of weights", problems);
    }

    private static long? TotalSizeOf(JsonElement value)
    {
        List<string> problems = [];
        long? size = value.ValueKind == JsonValueKind.Object
            ? JsonKeys.Read(value, null, Notes, property => property.Name != Notes[0].Name, problems)
            : throw new FormatException("must be an object.");
        return problems.Count == 0 ? size : throw new FormatException(problems[0]);
    }

    private static long SizeOf(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long size)
            ? size
            : throw new FormatException("must be a whole number.");

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
            bool isPlain = file.EndsWith(Extension, StringComparison.Ordinal) && !file.AsSpan().ContainsAny('/', '\\', '\0')
                && !file.StartsWith('.');
            map.Add(JsonValues.NameOf(entry), isPlain
                ? file
                : throw new FormatException($"\"{file}\" must be the name of a .safetensors file beside it."));
        }

        return map;
    }
}

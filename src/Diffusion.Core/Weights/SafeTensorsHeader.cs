using System.Buffers;
using System.Text.Json;
using System.Text.Unicode;
using TorchSharp;

namespace Diffusion;

/// <summary>
/// The header of a safetensors file, read strictly: whatever the format leaves open or its reference reader lets pass by accident
/// (duplicate names, unknown fields, leading blanks, null metadata) is refused, so that a file has one meaning.
/// </summary>
internal sealed class SafeTensorsHeader
{
    /// <summary>The most bytes a header may have.</summary>
    public const int MostBytes = 100_000_000;

    /// <summary>The key of the metadata, which no tensor may have.</summary>
    public const string MetadataKey = "__metadata__";

    /// <summary>The bytes before the header that say how long it is.</summary>
    public const int PrefixBytes = 8;

    private static readonly JsonReaderOptions Strict = new() { MaxDepth = 3 };
    private static readonly SearchValues<byte> Digits = SearchValues.Create("0123456789"u8);

    private readonly string path;
    private readonly Dictionary<string, string> metadata = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SafeTensorsEntry> entries = new(StringComparer.Ordinal);

    private SafeTensorsHeader(string path) => this.path = path;

    /// <summary>The tensors in the order of their data.</summary>
    public IReadOnlyList<SafeTensorsEntry> Entries { get; private set; } = [];

    /// <summary>Free text that the writer left.</summary>
    public IReadOnlyDictionary<string, string> Metadata => metadata;

    /// <summary>Reads and checks a header.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="json">The header without its length.</param>
    /// <param name="dataBytes">How many bytes follow it in the file.</param>
    /// <exception cref="SafeTensorsException">The header is not one, or does not describe exactly the data that follows.</exception>
    public static SafeTensorsHeader Parse(string path, ReadOnlySpan<byte> json, long dataBytes)
    {
        SafeTensorsHeader header = new(path);
        if (json.IsEmpty || json[0] != (byte)'{')
        {
            throw new SafeTensorsException(path, "the header must begin with '{'.", position: PrefixBytes);
        }

        if (!Utf8.IsValid(json))
        {
            throw new SafeTensorsException(path, "the header is not valid UTF-8.", position: PrefixBytes);
        }

        Utf8JsonReader reader = new(json, Strict);
        try
        {
            header.ReadAll(ref reader);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new SafeTensorsException(
                path, $"the header is not valid JSON ({e.Message})", position: PrefixBytes + reader.BytesConsumed, cause: e);
        }

        header.Entries = header.InOrder(dataBytes, PrefixBytes + json.Length);
        return header;
    }

    private void ReadAll(ref Utf8JsonReader reader)
    {
        reader.Read();
        bool hasMetadata = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            if (name == MetadataKey)
            {
                Require(!hasMetadata, ref reader, $"{MetadataKey} occurs twice.");
                hasMetadata = true;
                ReadMetadata(ref reader);
            }
            else
            {
                Require(name.Length > 0 && !name.Contains('\0'), ref reader, "a tensor's name must not be empty or hold a NUL.", name);
                Require(!entries.ContainsKey(name), ref reader, "the name occurs twice.", name);
                entries.Add(name, ReadEntry(ref reader, name));
            }
        }

        while (reader.Read())
        {
            // Reads to the end, where anything but white space is an error of the reader's own.
        }
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        reader.Read();
        Require(reader.TokenType == JsonTokenType.StartObject, ref reader, $"{MetadataKey} must be an object of strings.");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            reader.Read();
            Require(reader.TokenType == JsonTokenType.String, ref reader, $"the metadata \"{key}\" must be a string.");
            Require(metadata.TryAdd(key, reader.GetString()!), ref reader, $"the metadata \"{key}\" occurs twice.");
        }
    }

    private SafeTensorsEntry ReadEntry(ref Utf8JsonReader reader, string name)
    {
        reader.Read();
        Require(reader.TokenType == JsonTokenType.StartObject, ref reader, "must be an object of dtype, shape and data_offsets.", name);
        torch.ScalarType? dtype = null;
        long[]? shape = null;
        long[]? offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string field = reader.GetString()!;
            bool isNew = field switch
            {
                "dtype" => dtype is null,
                "shape" => shape is null,
                "data_offsets" => offsets is null,
                _ => throw Wrong(ref reader, $"the field \"{field}\" is unknown; there are dtype, shape and data_offsets.", name),
            };
            Require(isNew, ref reader, $"the field \"{field}\" occurs twice.", name);
            reader.Read();
            switch (field)
            {
                case "dtype":
                    dtype = ReadDtype(ref reader, name);
                    break;
                case "shape":
                    shape = ReadIntegers(ref reader, name, field, SafeTensorsEntry.MostDimensions);
                    break;
                default:
                    offsets = ReadIntegers(ref reader, name, field, 2);
                    Require(offsets.Length == 2, ref reader, $"data_offsets has {offsets.Length} numbers, not 2.", name);
                    break;
            }
        }

        if (dtype is null || shape is null || offsets is null)
        {
            throw Wrong(ref reader, $"{(dtype is null ? "dtype" : shape is null ? "shape" : "data_offsets")} is missing.", name);
        }

        CheckSize(ref reader, name, dtype.Value, shape, offsets);
        return new SafeTensorsEntry(name, dtype.Value, shape, offsets[0], offsets[1]);
    }

    private torch.ScalarType ReadDtype(ref Utf8JsonReader reader, string name)
    {
        Require(reader.TokenType == JsonTokenType.String, ref reader, "dtype must be a string.", name);
        string text = reader.GetString()!;
        if (SafeTensorsDtype.TryParse(text, out torch.ScalarType dtype))
        {
            return dtype;
        }

        throw Wrong(
            ref reader,
            SafeTensorsDtype.HasNoCounterpart(text)
                ? $"TorchSharp has no tensors of dtype {text}; convert it to one of {SafeTensorsDtype.Supported}."
                : $"the dtype \"{text}\" is unknown; supported are {SafeTensorsDtype.Supported}.",
            name);
    }

    private long[] ReadIntegers(ref Utf8JsonReader reader, string name, string field, int most)
    {
        Require(reader.TokenType == JsonTokenType.StartArray, ref reader, $"{field} must be an array of integers.", name);
        List<long> values = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            Require(values.Count < most, ref reader, $"{field} has more than {most} numbers.", name);
            long value = 0;
            Require(
                reader.TokenType == JsonTokenType.Number && !reader.ValueSpan.ContainsAnyExcept(Digits) && reader.TryGetInt64(out value),
                ref reader,
                $"{field} must hold integers from 0 to 2^63 - 1, written as digits.",
                name);
            values.Add(value);
        }

        return [.. values];
    }

    private void CheckSize(ref Utf8JsonReader reader, string name, torch.ScalarType dtype, long[] shape, long[] offsets)
    {
        long bytes;
        try
        {
            bytes = SafeTensorsEntry.Bytes(shape, dtype);
        }
        catch (OverflowException)
        {
            throw Wrong(ref reader, $"the shape [{string.Join(", ", shape)}] is larger than any memory.", name);
        }

        Require(offsets[0] <= offsets[1], ref reader, $"its data ends at {offsets[1]}, before it begins at {offsets[0]}.", name);
        Require(
            offsets[1] - offsets[0] == bytes,
            ref reader,
            $"{SafeTensorsDtype.Name(dtype)} [{string.Join(", ", shape)}] takes {bytes} bytes, but data_offsets give {offsets[1] - offsets[0]}.",
            name);
    }

    // The data has no hole, no overlap and nothing behind it.
    private SafeTensorsEntry[] InOrder(long dataBytes, long dataStart)
    {
        SafeTensorsEntry[] ordered = [.. entries.Values.OrderBy(e => e.Begin).ThenBy(e => e.End)];
        long end = 0;
        foreach (SafeTensorsEntry entry in ordered)
        {
            if (entry.Begin != end)
            {
                throw new SafeTensorsException(
                    path,
                    $"its data begins at {entry.Begin}, but must begin at {end}, where the data before it ends.",
                    entry.Name,
                    dataStart + entry.Begin);
            }

            end = entry.End;
        }

        return end == dataBytes
            ? ordered
            : throw new SafeTensorsException(
                path, $"the header describes {end} bytes of data, but {dataBytes} follow it.", position: dataStart + Math.Min(end, dataBytes));
    }

    private void Require(bool holds, ref Utf8JsonReader reader, string reason, string? tensor = null)
    {
        if (!holds)
        {
            throw Wrong(ref reader, reason, tensor);
        }
    }

    private SafeTensorsException Wrong(ref Utf8JsonReader reader, string reason, string? tensor) =>
        new(path, reason, tensor, PrefixBytes + reader.TokenStartIndex);
}

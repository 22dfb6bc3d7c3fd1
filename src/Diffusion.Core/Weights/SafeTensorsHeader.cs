using System.Text.Json;
using System.Text.Unicode;

namespace Diffusion;

/// <summary>
/// The header of a safetensors file, read strictly: what the format leaves open or its reference reader accepts by accident (duplicate
/// names, unknown fields, leading blanks, null metadata) is refused, so that a file has one meaning.
/// </summary>
internal sealed class SafeTensorsHeader
{
    /// <summary>The maximum length of a header in bytes.</summary>
    public const int MaxBytes = 100_000_000;

    /// <summary>The key of the metadata, which no tensor may have.</summary>
    public const string MetadataKey = "__metadata__";

    /// <summary>The number of bytes before the header, which hold its length.</summary>
    public const int PrefixBytes = 8;

    private static readonly JsonReaderOptions Strict = new() { MaxDepth = 3 };

    private readonly string path;
    private readonly Dictionary<string, string> metadata = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SafeTensorsEntry> entries = new(StringComparer.Ordinal);

    private SafeTensorsHeader(string path) => this.path = path;

    /// <summary>The tensors in the order of their data.</summary>
    public IReadOnlyList<SafeTensorsEntry> Entries { get; private set; } = [];

    /// <summary>The writer's free text.</summary>
    public IReadOnlyDictionary<string, string> Metadata => metadata;

    /// <summary>Reads and checks a header.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="json">The header without its length.</param>
    /// <param name="dataBytes">How many bytes follow it in the file.</param>
    /// <exception cref="SafeTensorsException">The header is invalid, or does not describe exactly the data that follows.</exception>
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
                if (hasMetadata)
                {
                    throw Wrong(ref reader, $"{MetadataKey} occurs twice.");
                }

                hasMetadata = true;
                ReadMetadata(ref reader);
            }
            else
            {
                if (name.Length == 0 || name.Contains('\0'))
                {
                    throw Wrong(ref reader, "a tensor's name must not be empty or hold a NUL.", name);
                }

                if (entries.ContainsKey(name))
                {
                    throw Wrong(ref reader, "the name occurs twice.", name);
                }

                entries.Add(name, new SafeTensorsEntryReader(path, name).Read(ref reader));
            }
        }

        while (reader.Read())
        {
            // Reads to the end, where the reader refuses anything but white space.
        }
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw Wrong(ref reader, $"{MetadataKey} must be an object of strings.");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
            {
                throw Wrong(ref reader, $"the metadata \"{key}\" must be a string.");
            }

            if (!metadata.TryAdd(key, reader.GetString()!))
            {
                throw Wrong(ref reader, $"the metadata \"{key}\" occurs twice.");
            }
        }
    }

    // The data has no gaps or overlaps, and nothing follows it.
    private SafeTensorsEntry[] InOrder(long dataBytes, long dataStart)
    {
        SafeTensorsEntry[] ordered = [.. entries.Values];
        Array.Sort(ordered, ByPlace);
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
                path, $"the header describes {end} bytes of data, but {dataBytes} follow it.",
                    position: dataStart + Math.Min(end, dataBytes));
    }

    // Tensors without data come before the one at the same offset, sorted by name.
    private static int ByPlace(SafeTensorsEntry one, SafeTensorsEntry other) =>
        one.Begin != other.Begin ? one.Begin.CompareTo(other.Begin)
        : one.End != other.End ? one.End.CompareTo(other.End)
        : string.CompareOrdinal(one.Name, other.Name);

    private SafeTensorsException Wrong(ref Utf8JsonReader reader, string reason, string? tensor = null) =>
        new(path, reason, tensor, PrefixBytes + reader.TokenStartIndex);
}

using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>A file to be written: its header, and its tensors in the order of their data.</summary>
/// <param name="Header">The file's first bytes: the length of the JSON, and the JSON padded with blanks to a multiple of 8.</param>
/// <param name="Tensors">The caller's tensors in the order of their data: alignment descending, then name.</param>
/// <param name="DataBytes">How many bytes follow the header.</param>
internal sealed record SafeTensorsLayout(byte[] Header, IReadOnlyList<Tensor> Tensors, long DataBytes)
{
    private const int Alignment = 8;

    private static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Creates the layout of a file, and refuses what the reader would refuse.</summary>
    /// <exception cref="SafeTensorsException">A name, dtype or shape that a file cannot hold.</exception>
    public static SafeTensorsLayout Of(
        string path, IEnumerable<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        KeyValuePair<string, Tensor>[] ordered =
        [
            .. tensors.Select(t => Writable(path, t))
                .OrderByDescending(t => SafeTensorsDtype.Rank(t.Value.dtype))
                .ThenBy(t => t.Key, StringComparer.Ordinal),
        ];
        (byte[] header, long dataBytes) = Describe(ordered, metadata);
        if (header.Length - SafeTensorsHeader.PrefixBytes > SafeTensorsHeader.MaxBytes)
        {
            throw new SafeTensorsException(path, $"the header would have {header.Length} bytes, more than {SafeTensorsHeader.MaxBytes}.");
        }

        SafeTensorsHeader readBack = SafeTensorsHeader.Parse(path, header.AsSpan(SafeTensorsHeader.PrefixBytes), dataBytes);
        IEnumerable<string> lost = ordered.Select(t => t.Key).Except(readBack.Entries.Select(e => e.Name), StringComparer.Ordinal);
        return lost.FirstOrDefault() is { } name
            ? throw new SafeTensorsException(path, "the name is not valid Unicode.", name)
            : new SafeTensorsLayout(header, [.. ordered.Select(t => t.Value)], dataBytes);
    }

    private static KeyValuePair<string, Tensor> Writable(string path, KeyValuePair<string, Tensor> item)
    {
        (string name, Tensor tensor) = item;
        if (tensor is null || tensor.IsInvalid)
        {
            throw new SafeTensorsException(path, "the tensor is null or was disposed.", name);
        }

        if (name == SafeTensorsHeader.MetadataKey)
        {
            throw new SafeTensorsException(path, "the name is reserved for the metadata; use another.", name);
        }

        return SafeTensorsDtype.Rank(tensor.dtype) >= 0
            ? item
            : throw new SafeTensorsException(
                path, $"the file cannot hold the dtype {tensor.dtype}; convert it to one of {SafeTensorsDtype.Supported}.", name);
    }

    private static (byte[] Header, long DataBytes) Describe(
        KeyValuePair<string, Tensor>[] ordered, IReadOnlyDictionary<string, string>? metadata)
    {
        using MemoryStream stream = new();
        stream.Write(stackalloc byte[SafeTensorsHeader.PrefixBytes]);
        long end = 0;
        using (Utf8JsonWriter json = new(stream, Compact))
        {
            json.WriteStartObject();
            WriteMetadata(json, metadata);
            foreach ((string name, Tensor tensor) in ordered)
            {
                long begin = end;
                long[] shape = tensor.shape;
                end += SafeTensorsEntry.Bytes(shape, tensor.dtype);
                json.WriteStartObject(name);
                json.WriteString("dtype"u8, SafeTensorsDtype.Name(tensor.dtype));
                WriteArray(json, "shape"u8, shape);
                WriteArray(json, "data_offsets"u8, [begin, end]);
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        while (stream.Length % Alignment != 0)
        {
            stream.WriteByte((byte)' ');
        }

        byte[] header = stream.ToArray();
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)(header.Length - SafeTensorsHeader.PrefixBytes));
        return (header, end);
    }

    private static void WriteMetadata(Utf8JsonWriter json, IReadOnlyDictionary<string, string>? metadata)
    {
        if (metadata is null)
        {
            return;
        }

        json.WriteStartObject(SafeTensorsHeader.MetadataKey);
        foreach ((string key, string value) in metadata.OrderBy(m => m.Key, StringComparer.Ordinal))
        {
            json.WriteString(key, value);
        }

        json.WriteEndObject();
    }

    private static void WriteArray(Utf8JsonWriter json, ReadOnlySpan<byte> name, ReadOnlySpan<long> values)
    {
        json.WriteStartArray(name);
        foreach (long value in values)
        {
            json.WriteNumberValue(value);
        }

        json.WriteEndArray();
    }
}

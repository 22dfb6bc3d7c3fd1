using System.Buffers;
using System.Text.Json;
using TorchSharp;

namespace Diffusion;

/// <summary>Reads a tensor's entry in a safetensors header.</summary>
/// <param name="path">The file, for messages.</param>
/// <param name="name">The tensor.</param>
internal readonly struct SafeTensorsEntryReader(string path, string name)
{
    private static readonly SearchValues<byte> Digits = SearchValues.Create("0123456789"u8);

    /// <summary>Reads the object behind the tensor's name.</summary>
    /// <param name="reader">At the name; left at the end of the object.</param>
    /// <exception cref="SafeTensorsException">The entry is invalid.</exception>
    public SafeTensorsEntry Read(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw Wrong(ref reader, "must be an object of dtype, shape and data_offsets.");
        }

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
                _ => throw Wrong(ref reader, $"the field \"{field}\" is unknown; there are dtype, shape and data_offsets."),
            };
            if (!isNew)
            {
                throw Wrong(ref reader, $"the field \"{field}\" occurs twice.");
            }

            reader.Read();
            switch (field)
            {
                case "dtype":
                    dtype = ReadDtype(ref reader);
                    break;
                case "shape":
                    shape = ReadIntegers(ref reader, field, SafeTensorsEntry.MaxDimensions);
                    break;
                default:
                    offsets = ReadIntegers(ref reader, field, 2);
                    if (offsets.Length != 2)
                    {
                        throw Wrong(ref reader, $"data_offsets has {offsets.Length} numbers, not 2.");
                    }

                    break;
            }
        }

        if (dtype is null || shape is null || offsets is null)
        {
            throw Wrong(ref reader, $"{(dtype is null ? "dtype" : shape is null ? "shape" : "data_offsets")} is missing.");
        }

        CheckSize(ref reader, dtype.Value, shape, offsets);
        return new SafeTensorsEntry(name, dtype.Value, shape, offsets[0], offsets[1]);
    }

    private torch.ScalarType ReadDtype(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            throw Wrong(ref reader, "dtype must be a string.");
        }

        string text = reader.GetString()!;
        if (SafeTensorsDtype.TryParse(text, out torch.ScalarType dtype))
        {
            return dtype;
        }

        throw Wrong(
            ref reader,
            SafeTensorsDtype.HasNoCounterpart(text)
                ? $"TorchSharp has no tensors of dtype {text}; convert it to one of {SafeTensorsDtype.Supported}."
                : $"the dtype \"{text}\" is unknown; supported are {SafeTensorsDtype.Supported}.");
    }

    private long[] ReadIntegers(ref Utf8JsonReader reader, string field, int maxCount)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw Wrong(ref reader, $"{field} must be an array of integers.");
        }

        List<long> values = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (values.Count == maxCount)
            {
                throw Wrong(ref reader, $"{field} has more than {maxCount} numbers.");
            }

            if (reader.TokenType != JsonTokenType.Number || reader.ValueSpan.ContainsAnyExcept(Digits)
                || !reader.TryGetInt64(out long value))
            {
                throw Wrong(ref reader, $"{field} must hold integers from 0 to 2^63 - 1, written as digits.");
            }

            values.Add(value);
        }

        return [.. values];
    }

    private void CheckSize(ref Utf8JsonReader reader, torch.ScalarType dtype, long[] shape, long[] offsets)
    {
        long bytes;
        try
        {
            bytes = SafeTensorsEntry.Bytes(shape, dtype);
        }
        catch (OverflowException)
        {
            throw Wrong(ref reader, $"the shape [{string.Join(", ", shape)}] is larger than any memory.");
        }

        if (offsets[0] > offsets[1])
        {
            throw Wrong(ref reader, $"its data ends at {offsets[1]}, before it begins at {offsets[0]}.");
        }

        if (offsets[1] - offsets[0] != bytes)
        {
            throw Wrong(
                ref reader,
                $"{SafeTensorsDtype.Name(dtype)} [{string.Join(", ", shape)}] takes {bytes} bytes, but data_offsets give "
                    + $"{offsets[1] - offsets[0]}.");
        }
    }

    private SafeTensorsException Wrong(ref Utf8JsonReader reader, string reason) =>
        new(path, reason, name, SafeTensorsHeader.PrefixBytes + reader.TokenStartIndex);
}

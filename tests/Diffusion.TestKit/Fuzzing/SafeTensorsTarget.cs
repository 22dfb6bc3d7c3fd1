using System.Buffers.Binary;
using TorchSharp;

namespace Diffusion.TestKit.Fuzzing;

/// <summary>
/// Files of tensors: their headers, and in one of 256 also the tensors. In most inputs the length of the header is corrected.
/// </summary>
internal sealed class SafeTensorsTarget() : FuzzTarget(
    (1 << 16) + FuzzBytes.Small,
    problem => (problem as SafeTensorsException)?.Reason,
    "not valid JSON", "is missing", "must hold integers", "must be an object of dtype", "must be an array", "the dtype",
        "bytes are too few", "PyTorch pickle", "is above",
    "it is truncated", "must begin with", "not valid UTF-8", "must not be empty", "the name occurs twice", "__metadata__ occurs twice",
        "must be an object of strings",
    "must be a string", "the metadata", "is unknown; there are", "the field", "TorchSharp has no tensors", "has more than",
        "numbers, not 2", "larger than any memory",
    "before it begins", "bytes, but data_offsets give", "must begin at", "bytes of data, but")
{
    private const int MaxDamages = 2;
    private const int MaxFlood = 1 << 16;
    private const int Prefix = SafeTensorsHeader.PrefixBytes;

    private static readonly ulong[] Lengths = [0, 1, 2, 7, 8, 9, 100_000_000, 100_000_001, 1UL << 31, 1UL << 32, 1UL << 63, ulong.MaxValue,
        ulong.MaxValue - 7, 0x04034B50];

    private readonly HashSet<string> names = new(StringComparer.Ordinal);
    private bool isWhole;

    private protected override long MaxBytes => Input.Length + (1 << 20);

    private protected override void Make(ref SplitMix64 random)
    {
        SafeTensorsSeed[] files = SafeTensorsSeed.All;
        SafeTensorsSeed seed = files[random.Below(files.Length)];
        int draw = random.Below(1 << 14);
        isWhole = draw % 256 == 0;
        if (draw == 1)
        {
            seed.Json.Write(Input, 0, ref random);
            seed.Json.Flood(Input, MaxFlood, ref random);
        }
        else
        {
            seed.Json.Write(Input, (random.Below(8) == 0 ? 0 : 1) + random.Below(MaxDamages), ref random);
            if (random.Below(8) == 0)
            {
                Input.Damage(ref random, files[random.Below(files.Length)].Json.Bytes);
            }
        }

        Span<byte> number = stackalloc byte[Prefix];
        if (random.Below(16) != 0)
        {
            BinaryPrimitives.WriteInt64LittleEndian(number, Math.Max(0, Input.Length - Prefix - seed.DataBytes));
            Input.Overwrite(0, number);
            DamageEnd(ref random, seed);
        }
        else if (random.Coin())
        {
            BinaryPrimitives.WriteUInt64LittleEndian(number, Lengths[random.Below(Lengths.Length)]);
            Input.Overwrite(0, number);
        }
    }

    private protected override string? Read(ref string kind)
    {
        if (!isWhole)
        {
            (SafeTensorsHeader header, long dataStart) = SafeTensorsPrefix.ReadHeader(Input.Stream(), "input");
            return Wrong(header.Entries, dataStart);
        }

        using SafeTensors read = SafeTensorsFile.ReadFrom(Input.Stream(), "input");
        long bytes = 0;
        foreach ((string name, torch.Tensor tensor) in read.Tensors)
        {
            bytes += SafeTensorsEntry.Bytes(tensor.shape, tensor.dtype);
            if (tensor.dtype == torch.ScalarType.Bool && tensor.bytes.ContainsAnyExcept((byte)0, (byte)1))
            {
                return $"The bool tensor {name} holds other bytes than 0 and 1.";
            }
        }

        return bytes < Input.Length ? null : $"The tensors have {bytes} bytes, more than the file.";
    }

    // Cuts off the end, appends to it, or changes the data.
    private void DamageEnd(ref SplitMix64 random, SafeTensorsSeed seed)
    {
        switch (random.Below(32))
        {
            case 0:
                Input.Truncate(Math.Max(0, Input.Length - 1 - random.Below(16)));
                break;
            case 1:
                Input.Insert(Input.Length, "0123456789"u8[..(1 + random.Below(10))]);
                break;
            case 2 when seed.DataBytes > 0 && Input.Length > seed.DataBytes:
                Input.Overwrite(Input.Length - 1 - random.Below(seed.DataBytes), "\x07\xFF"u8[..1]);
                break;
            default:
                break;
        }
    }

    // The entries must be named, each once, and cover the data without a gap.
    private string? Wrong(IReadOnlyList<SafeTensorsEntry> entries, long dataStart)
    {
        names.Clear();
        long end = 0;
        foreach (SafeTensorsEntry entry in entries)
        {
            UInt128 bytes = (UInt128)SafeTensorsDtype.Size(entry.Dtype);
            foreach (long dimension in entry.Shape)
            {
                bytes *= (UInt128)dimension;
            }

            if (entry.Name.Length == 0 || !names.Add(entry.Name) || entry.Begin != end || entry.End < end
                || bytes != (UInt128)(entry.End - entry.Begin))
            {
                return $"{entry} follows on {end}, or is there twice.";
            }

            end = entry.End;
        }

        return dataStart + end == Input.Length ? null : $"The data end at {dataStart + end}, the file at {Input.Length}.";
    }
}

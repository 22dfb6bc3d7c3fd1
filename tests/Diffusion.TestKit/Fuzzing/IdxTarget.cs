using System.Buffers.Binary;
using System.IO.Compression;
using Diffusion.Data;
using Diffusion.Training;

namespace Diffusion.TestKit.Fuzzing;

/// <summary>IDX files of images and labels, plain and packed.</summary>
internal sealed class IdxTarget() : FuzzTarget(
    FuzzBytes.Small,
    problem => (problem as ImageDataException)?.Reason,
    "the file is empty", "ends within its header", "it is not an IDX file", "must be at least 1", "more than the maximum of 2 GiB",
    "so it must have", "gzip data is truncated", "are present", "it has data after")
{
    private const int MaxDamages = 3;

    private static readonly IdxSeed[] Files = [.. MakeFiles()];

    private static readonly int[] Sizes = [0, 1, -1, 2, 3, 255, 65_536, 1 << 24, 1 << 30, int.MaxValue, int.MinValue];

    private int dimensions;

    private protected override long MaxBytes => (4 * Input.Length) + (1 << 20);

    private protected override void Make(ref SplitMix64 random)
    {
        IdxSeed seed = Files[random.Below(Files.Length)];
        dimensions = random.Below(16) == 0 ? 4 - seed.Dimensions : seed.Dimensions;
        Input.Set(seed.Bytes);
        byte[] other = Files[random.Below(Files.Length)].Bytes;
        Span<byte> number = stackalloc byte[4];
        for (int damages = random.Below(MaxDamages) + 1; damages > 0; damages--)
        {
            if (random.Below(4) == 0)
            {
                BinaryPrimitives.WriteInt32BigEndian(number, Sizes[random.Below(Sizes.Length)]);
                Input.Overwrite(seed.SizesAt + (4 * random.Below(seed.Dimensions)), number);
            }
            else
            {
                Input.Damage(ref random, other);
            }
        }
    }

    private protected override string? Read(ref string kind)
    {
        (int[] sizes, byte[] values) = IdxFile.Read(Input.Stream(), "input", dimensions);
        return sizes.Length == dimensions && sizes.Aggregate(1L, (product, size) => product * size) == values.Length
            ? null
            : $"It has {values.Length} values in {string.Join(" x ", sizes)}.";
    }

    // Without compression the sizes are readable: after gzip's header of 10 bytes and the block's header of 5.
    private static IEnumerable<IdxSeed> MakeFiles()
    {
        foreach (int[] shape in (int[][])[[1, 1, 1], [3, 5, 4], [4, 20, 20], [1], [50]])
        {
            byte[] file = Plain(shape);
            yield return new IdxSeed(file, shape.Length, 4);
            yield return new IdxSeed(Packed(file, CompressionLevel.NoCompression), shape.Length, 19);
            yield return new IdxSeed(Packed(file, CompressionLevel.Fastest), shape.Length, 19);
        }
    }

    private static byte[] Plain(int[] shape)
    {
        byte[] file = new byte[4 + (4 * shape.Length) + shape.Aggregate(1, (product, size) => product * size)];
        SplitMix64 random = new(1, file.Length);
        foreach (ref byte value in file.AsSpan())
        {
            value = (byte)random.Next();
        }

        BinaryPrimitives.WriteInt32BigEndian(file, 0x800 | shape.Length);
        for (int i = 0; i < shape.Length; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(4 + (4 * i)), shape[i]);
        }

        return file;
    }

    private static byte[] Packed(byte[] file, CompressionLevel level)
    {
        using MemoryStream target = new();
        using (GZipStream gzip = new(target, level, leaveOpen: true))
        {
            gzip.Write(file);
        }

        return target.ToArray();
    }

    private readonly record struct IdxSeed(byte[] Bytes, int Dimensions, int SizesAt);
}

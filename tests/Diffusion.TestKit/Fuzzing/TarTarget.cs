using System.Buffers.Binary;
using Diffusion.Data;
using Diffusion.Training;

namespace Diffusion.TestKit.Fuzzing;

/// <summary>The walk through a shard: headers, extended headers, keys and labels.</summary>
internal sealed class TarTarget() : FuzzTarget(
    FuzzBytes.Small,
    problem => (problem as ImageDataException)?.Reason,
    "the file is empty", "the archive has no end marker", "data follows the end marker", "truncated within a header",
        "ends after an extended header", "a header has the checksum",
    "a header has an invalid size", "sparse file", "entry of GNU's type", "extended header claims", "an entry claims",
        "not a list of PAX records",
    "extended header has the invalid size", "are not contiguous", "has two files")
{
    private const int Block = TarHeader.Size;
    private const int MaxDamages = 4;

    private static ReadOnlySpan<byte> Types => "0\012567LKxXgVASMDZ"u8;

    private protected override long MaxBytes => 300_000;

    private protected override void Make(ref SplitMix64 random)
    {
        byte[][] archives = TarSeeds.Archives;
        Input.Set(archives[random.Below(archives.Length)]);
        byte[] other = archives[random.Below(archives.Length)];
        for (int damages = random.Below(MaxDamages) + 1; damages > 0 && Input.Length > 0; damages--)
        {
            if (random.Coin())
            {
                Input.Damage(ref random, other);
            }
            else
            {
                DamageBlock(ref random, other);
            }
        }

        if (random.Coin())
        {
            Seal();
        }
    }

    private protected override string? Read(ref string kind)
    {
        foreach (ShardEntry sample in ShardScanner.Scan(Input.Stream(), "input", CancellationToken.None).Samples)
        {
            foreach (ShardMember member in sample.Members)
            {
                if ((member.Offset < Block && !(member.IsMissing && member.Size == 0)) || member.Size < 0
                    || member.Size > Input.Length - member.Offset)
                {
                    return $"Sample {sample.Key} has {member}, which is not within the {Input.Length} bytes.";
                }
            }

            if (sample.Members.Count == 0 || sample.Label < ShardEntry.UnreadableLabel)
            {
                return $"Sample {sample.Key} has {sample.Members.Count} files and the label {sample.Label}.";
            }
        }

        return null;
    }

    private void DamageBlock(ref SplitMix64 random, byte[] other)
    {
        int place = random.Below((Input.Length + Block - 1) / Block) * Block;
        switch (random.Below(8))
        {
            case < 3:
                Input.Overwrite(place + 124, TarSeeds.Sizes[random.Below(TarSeeds.Sizes.Length)]);
                break;
            case 3:
                Input.Overwrite(place + 156, Types.Slice(random.Below(Types.Length), 1));
                break;
            case 4:
                byte[] content = TarSeeds.Blocks[random.Below(TarSeeds.Blocks.Length)];
                Input.Overwrite(place, content);
                Input.Overwrite(place + content.Length, "\0"u8);
                break;
            case 5:
                Input.Remove(place, Block);
                break;
            case 6:
                Input.Insert(place, other.AsSpan(random.Below(other.Length / Block) * Block, Block));
                break;
            default:
                Input.Truncate(place + (random.Coin() ? Block : 0));
                break;
        }
    }

    // Visits the headers as far as their sizes can be read, and corrects their checksums.
    private void Seal()
    {
        Span<byte> bytes = Input.Span;
        long place = 0;
        while (place <= bytes.Length - Block)
        {
            Span<byte> header = bytes.Slice((int)place, Block);
            if (!header.ContainsAnyExcept((byte)0))
            {
                return;
            }

            TarSeeds.Seal(header);
            long size = header[156] is >= (byte)'1' and <= (byte)'6' ? 0 : SizeOf(header.Slice(124, 12));
            place += Block + Math.Min((size + Block - 1) / Block * Block, FuzzBytes.Small);
        }
    }

    private static long SizeOf(ReadOnlySpan<byte> field)
    {
        if (field[0] == 0x80)
        {
            return BinaryPrimitives.ReadUInt32BigEndian(field[8..]);
        }

        long size = 0;
        foreach (byte digit in field)
        {
            size = digit is >= (byte)'0' and <= (byte)'7' ? (size * 8) + (digit - '0') : size;
        }

        return size;
    }
}

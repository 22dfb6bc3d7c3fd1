using System.Buffers.Binary;
using System.Security.Cryptography;
using Diffusion.Data;
using Diffusion.Training;

namespace Diffusion.TestKit.Fuzzing;

/// <summary>The index of a shard. Half of the inputs get the right length and checksum, so that the parser reads past them.</summary>
internal sealed class IndexTarget() : FuzzTarget(FuzzBytes.Small, _ => null, "the index")
{
    private const int Checksum = ShardIndex.ChecksumAt;
    private const int HeaderChecksum = ShardIndex.HeaderChecksumAt;
    private const int Body = ShardIndex.HeaderSize;
    private const int MaxDamages = 4;

    private static readonly byte[][] Files = MakeFiles();

    private static readonly long[] Numbers = [0, 1, -1, 2, 3, 7, 1000, int.MaxValue, 1L + int.MaxValue, long.MaxValue, long.MinValue,
        long.MaxValue - 1];

    private static readonly byte[][] Varints =
    [
        [0x80], [0x80, 0], [0xFF, 0x7F], [0xFF, 0xFF, 0xFF, 0xFF, 0x07], [0xFF, 0xFF, 0xFF, 0xFF, 0x0F],
            [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0],
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1], [0x80, 0x20],
            [0x81, 0x20],
    ];

    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    private protected override long MaxBytes => (64 * Input.Length) + (64 * 1024);

    private protected override void Make(ref SplitMix64 random)
    {
        Input.Set(Files[random.Below(Files.Length)]);
        byte[] other = Files[random.Below(Files.Length)];
        Span<byte> number = stackalloc byte[8];
        for (int damages = random.Below(MaxDamages) + 1; damages > 0; damages--)
        {
            switch (random.Below(4))
            {
                case 0:
                    BinaryPrimitives.WriteInt64LittleEndian(number, Numbers[random.Below(Numbers.Length)]);
                    Input.Overwrite(8 + (8 * random.Below(ShardIndex.Numbers)), number);
                    break;
                case 1 when Input.Length > Body:
                    byte[] varint = Varints[random.Below(Varints.Length)];
                    Input.Overwrite(Body + random.Below(Input.Length - Body), varint);
                    break;
                default:
                    Input.Damage(ref random, other);
                    break;
            }
        }

        if (random.Coin() && Input.Length >= Body)
        {
            Seal(number);
        }
    }

    private protected override string? Read(ref string kind)
    {
        if (ShardIndex.TryRead(Input.Span) is not { } contents)
        {
            kind = Kinds[0];
            return null;
        }

        long shard = BinaryPrimitives.ReadInt64LittleEndian(Input.Span[8..]);
        foreach (ShardEntry sample in contents.Samples)
        {
            foreach (ShardMember member in sample.Members)
            {
                if (member.Offset < -1 || member.Size < 0 || (member.IsMissing && member.Size > 0) || member.Size > shard - member.Offset)
                {
                    return $"Sample {sample.Key} has {member}, which is not within the shard's {shard} bytes.";
                }
            }

            if (sample.Label < ShardEntry.UnreadableLabel)
            {
                return $"Sample {sample.Key} has the label {sample.Label}.";
            }
        }

        return null;
    }

    private void Seal(Span<byte> number)
    {
        BinaryPrimitives.WriteInt64LittleEndian(number, Input.Length - Body);
        Input.Overwrite(Checksum - 8, number);
        hash.AppendData(Input.Span[Body..]);
        hash.GetHashAndReset(Input.Span[Checksum..HeaderChecksum]);
        hash.AppendData(Input.Span[..HeaderChecksum]);
        Span<byte> ofHeader = stackalloc byte[SHA256.HashSizeInBytes];
        hash.GetHashAndReset(ofHeader);
        ofHeader[..(Body - HeaderChecksum)].CopyTo(Input.Span[HeaderChecksum..]);
    }

    private static byte[][] MakeFiles()
    {
        using TemporaryFolder folder = new();
        List<byte[]> files = [];
        foreach (int count in (int[])[1, 2, 12, 60])
        {
            ShardEntry[] samples = [.. Enumerable.Range(0, count).Select(i => new ShardEntry(
                $"folder/{i:D6}",
                [.. Enumerable.Range(0, 1 + (i % 3))
                    .Select(k => new ShardMember(k == 0 ? "jpg" : $"part{k}.png", 512 + (1024L * ((3 * i) + k)), i * k)),
                        new ShardMember("txt", -1, 0)],
                count == 12 ? null : (i % 6) - 1))];
            string path = folder.File("index");
            ShardMember last = samples[^1].Members[^2];
            ShardIndex.Write(path, shardLength: last.Offset + last.Size, stamp: 0,
                new ShardContents(samples, count < 3 ? [] : [new SkippedImages("a reason", count, ["a", "b"])]));
            files.Add(File.ReadAllBytes(path));
        }

        return [.. files];
    }
}

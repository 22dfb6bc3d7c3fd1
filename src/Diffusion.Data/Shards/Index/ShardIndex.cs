using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Diffusion.Data;

/// <summary>
/// The result of scanning a shard, stored in a small file so that a shard is scanned only once. The header alone is enough to count samples
/// and classes.
/// </summary>
/// <param name="ShardLength">The size of the scanned shard, in bytes.</param>
/// <param name="Stamp">The version of the scanned shard; 0 when it does not matter.</param>
/// <param name="Count">The number of samples.</param>
/// <param name="Labeled">The number of samples with a valid label.</param>
/// <param name="MaxLabel">The largest label; -1 without labels.</param>
/// <param name="Unreadable">The number of samples with an invalid label.</param>
/// <param name="WithoutImage">The number of samples without an image by the default <see cref="ShardOptions.ImageExtensions"/>.</param>
/// <param name="Ignored">The number of files that belong to no sample.</param>
/// <param name="Digest">A hash of the body: indexes with equal digests have equal keys, positions and labels.</param>
internal sealed record ShardIndex(
    long ShardLength, long Stamp, long Count, long Labeled, int MaxLabel, long Unreadable, long WithoutImage, long Ignored,
        long Digest)
{
    /// <summary>The extension that is appended to the name of a shard.</summary>
    public const string Extension = ".index";

    /// <summary>The number of numbers in the header; the last is the size of the body.</summary>
    internal const int Numbers = 9;

    /// <summary>The offset of the checksum of the body.</summary>
    internal const int ChecksumAt = 8 + (8 * Numbers);

    /// <summary>The offset of the checksum of the header.</summary>
    internal const int HeaderChecksumAt = ChecksumAt + SHA256.HashSizeInBytes;

    /// <summary>The offset of the body.</summary>
    internal const int HeaderSize = HeaderChecksumAt + 8;

    /// <summary>Whether the shard has issues that only the body describes: invalid labels, ignored files, missing images.</summary>
    public bool HasIssues => Unreadable > 0 || WithoutImage > 0 || Ignored > 0;

    private static ReadOnlySpan<byte> Magic => "DNSHARD3"u8;

    /// <summary>Serializes an index.</summary>
    public static byte[] ToBytes(long shardLength, long stamp, ShardContents contents)
    {
        byte[] body = ShardIndexBody.ToBytes(contents);
        IReadOnlyList<ShardEntry> samples = contents.Samples;
        long[] numbers =
        [
            shardLength, stamp, samples.Count, samples.Count(sample => sample.Label >= 0), samples.Max(sample => sample.Label) ?? -1,
            samples.Count(sample => sample.Label == ShardEntry.UnreadableLabel),
            samples.Count(sample => ShardPicker.ImageOf(sample, ShardOptions.DefaultImageExtensions) is null or { IsMissing: true }),
            contents.Ignored.Sum(part => part.Count), body.Length,
        ];
        byte[] file = [.. Magic, .. new byte[HeaderSize - Magic.Length], .. body];
        for (int i = 0; i < Numbers; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(8 + (8 * i)), numbers[i]);
        }

        // The header has its own checksum, because it is used without the body.
        SHA256.HashData(body, file.AsSpan(ChecksumAt));
        HeaderChecksum(file).CopyTo(file.AsSpan(HeaderChecksumAt));
        return file;
    }

    /// <summary>The <see cref="Digest"/> of an index with these contents.</summary>
    public static long DigestOf(ShardContents contents) =>
        BinaryPrimitives.ReadInt64LittleEndian(SHA256.HashData(ShardIndexBody.ToBytes(contents)));

    /// <summary>Writes an index atomically.</summary>
    public static ShardIndex Write(string path, long shardLength, long stamp, ShardContents contents)
    {
        byte[] bytes = ToBytes(shardLength, stamp, contents);
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        AtomicFile.Write(path, bytes);
        return TryOpen(bytes)!;
    }

    /// <summary>Reads the header of an index; null when it is missing, damaged, or of another version.</summary>
    public static ShardIndex? TryOpen(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            byte[] header = new byte[HeaderSize];
            file.ReadExactly(header);
            return Parse(header, file.Length - HeaderSize);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Reads the header of an index in memory; null when it is damaged, or of another version.</summary>
    public static ShardIndex? TryOpen(ReadOnlySpan<byte> file) =>
        file.Length < HeaderSize ? null : Parse(file[..HeaderSize], file.Length - HeaderSize);

    /// <summary>Reads the contents of an index; null when it is damaged.</summary>
    /// <param name="file">The whole file.</param>
    public static ShardContents? TryRead(ReadOnlySpan<byte> file) =>
        TryOpen(file) is { } index && SHA256.HashData(file[HeaderSize..]).AsSpan().SequenceEqual(file[ChecksumAt..HeaderChecksumAt])
            ? ShardIndexBody.TryRead(file[HeaderSize..], index)
            : null;

    private static ShardIndex? Parse(ReadOnlySpan<byte> header, long bodyLength)
    {
        long Number(ReadOnlySpan<byte> bytes, int place) => BinaryPrimitives.ReadInt64LittleEndian(bytes[(8 + (8 * place))..]);
        ShardIndex index = new(
            Number(header, 0), Number(header, 1), Number(header, 2), Number(header, 3),
                (int)Math.Clamp(Number(header, 4), -1, int.MaxValue),
            Number(header, 5), Number(header, 6), Number(header, 7), BinaryPrimitives.ReadInt64LittleEndian(header[ChecksumAt..]));
        return header.StartsWith(Magic) && HeaderChecksum(header).SequenceEqual(header[HeaderChecksumAt..HeaderSize])
            && Number(header, Numbers - 1) == bodyLength
            && index.ShardLength >= 0 && index.Count >= 0 && index.Count <= bodyLength / ShardIndexBody.MinSampleBytes
            && index.Labeled >= 0 && index.Labeled <= index.Count && index.Unreadable >= 0
                && index.Unreadable <= index.Count - index.Labeled
            && index.WithoutImage >= 0 && index.WithoutImage <= index.Count && index.Ignored >= 0
            ? index
            : null;
    }

    private static ReadOnlySpan<byte> HeaderChecksum(ReadOnlySpan<byte> header) =>
        SHA256.HashData(header[..HeaderChecksumAt]).AsSpan(0, HeaderSize - HeaderChecksumAt);
}

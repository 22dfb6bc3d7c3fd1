using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Diffusion.Data;

/// <summary>
/// What a scan of a shard found, kept in a small file, so that a shard is read through once and never again. The header alone says what is
/// needed to plan a run: how many samples there are, and how many classes.
/// </summary>
/// <param name="ShardLength">The bytes of the shard that was scanned.</param>
/// <param name="Stamp">Which version of the shard was scanned, or 0 where it does not matter.</param>
/// <param name="Count">How many samples it has.</param>
/// <param name="Labelled">How many of them have a label that can be read.</param>
/// <param name="HighestLabel">The highest label; -1 without labels.</param>
/// <param name="Unreadable">How many samples have a label that cannot be read.</param>
/// <param name="WithoutImage">How many samples have no image by the default of <see cref="ShardOptions.ImageExtensions"/>.</param>
/// <param name="PassedOver">How many files belong to no sample.</param>
/// <param name="Digest">A number made of all that the body says: indexes of one digest say the same of keys, places and labels.</param>
internal sealed record ShardIndex(
    long ShardLength, long Stamp, long Count, long Labelled, int HighestLabel, long Unreadable, long WithoutImage, long PassedOver,
        long Digest)
{
    /// <summary>What comes after the name of a shard in the name of its index.</summary>
    public const string Extension = ".index";

    /// <summary>How many numbers the header has, that of the bytes of the body being the last.</summary>
    internal const int Numbers = 9;

    /// <summary>Where the checksum of the body begins.</summary>
    internal const int ChecksumAt = 8 + (8 * Numbers);

    /// <summary>Where the checksum of the header begins.</summary>
    internal const int HeaderChecksumAt = ChecksumAt + SHA256.HashSizeInBytes;

    /// <summary>Where the body begins.</summary>
    internal const int HeaderSize = HeaderChecksumAt + 8;

    /// <summary>
    /// Whether there is more to say of the shard than the header does: labels that cannot be read, files passed over, images that are not
    /// there.
    /// </summary>
    public bool HasRemarks => Unreadable > 0 || WithoutImage > 0 || PassedOver > 0;

    private static ReadOnlySpan<byte> Magic => "DNSHARD3"u8;

    /// <summary>An index as its file holds it.</summary>
    public static byte[] ToBytes(long shardLength, long stamp, ShardContents contents)
    {
        byte[] body = ShardIndexBody.ToBytes(contents);
        IReadOnlyList<ShardEntry> samples = contents.Samples;
        long[] numbers =
        [
            shardLength, stamp, samples.Count, samples.Count(sample => sample.Label >= 0), samples.Max(sample => sample.Label) ?? -1,
            samples.Count(sample => sample.Label == ShardEntry.UnreadableLabel),
            samples.Count(sample => ShardPicker.ImageOf(sample, ShardOptions.DefaultImageExtensions) is null or { IsMissing: true }),
            contents.PassedOver.Sum(part => part.Count), body.Length,
        ];
        byte[] file = [.. Magic, .. new byte[HeaderSize - Magic.Length], .. body];
        for (int i = 0; i < Numbers; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(8 + (8 * i)), numbers[i]);
        }

        // The header has a checksum of its own, for it is believed before the body is read.
        SHA256.HashData(body, file.AsSpan(ChecksumAt));
        HeaderChecksum(file).CopyTo(file.AsSpan(HeaderChecksumAt));
        return file;
    }

    /// <summary>The <see cref="Digest"/> of an index that says this.</summary>
    public static long DigestOf(ShardContents contents) =>
        BinaryPrimitives.ReadInt64LittleEndian(SHA256.HashData(ShardIndexBody.ToBytes(contents)));

    /// <summary>Writes an index, whole or not at all.</summary>
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

    /// <summary>Reads what an index says of a shard; null when it is damaged.</summary>
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
            && index.ShardLength >= 0 && index.Count >= 0 && index.Count <= bodyLength / ShardIndexBody.LeastSample
            && index.Labelled >= 0 && index.Labelled <= index.Count && index.Unreadable >= 0
                && index.Unreadable <= index.Count - index.Labelled
            && index.WithoutImage >= 0 && index.WithoutImage <= index.Count && index.PassedOver >= 0
            ? index
            : null;
    }

    private static ReadOnlySpan<byte> HeaderChecksum(ReadOnlySpan<byte> header) =>
        SHA256.HashData(header[..HeaderChecksumAt]).AsSpan(0, HeaderSize - HeaderChecksumAt);
}

using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Diffusion.Training;

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
internal sealed record ShardIndex(long ShardLength, long Stamp, long Count, long Labelled, int HighestLabel, long Unreadable)
{
    /// <summary>What comes after the name of a shard in the name of its index.</summary>
    public const string Extension = ".index";

    /// <summary>Where the checksum of numbers and body begins.</summary>
    internal const int ChecksumAt = 64;

    /// <summary>Where the checksum of the header begins.</summary>
    internal const int HeaderChecksumAt = 96;

    /// <summary>Where the body begins.</summary>
    internal const int HeaderSize = 104;

    private const int LongestKey = 4096;
    private const int LeastSample = 3;

    private static ReadOnlySpan<byte> Magic => "DNSHARD2"u8;

    /// <summary>Writes an index under a temporary name and moves it into its place.</summary>
    public static ShardIndex Write(string path, long shardLength, long stamp, IReadOnlyList<ShardEntry> samples)
    {
        ShardIndex index = new(
            shardLength, stamp, samples.Count, samples.Count(sample => sample.Label >= 0), samples.Max(sample => sample.Label) ?? -1,
            samples.Count(sample => sample.Label == ShardEntry.UnreadableLabel));
        using MemoryStream body = new();
        using (BinaryWriter writer = new(body, Encoding.UTF8, leaveOpen: true))
        {
            foreach (ShardEntry sample in samples)
            {
                writer.Write(sample.Key);
                writer.Write7BitEncodedInt64(sample.Label + 2L ?? 0); // 0 for none, 1 for an unreadable one
                writer.Write7BitEncodedInt64(sample.Members.Count);
                foreach (ShardMember member in sample.Members)
                {
                    writer.Write(member.Extension);
                    writer.Write7BitEncodedInt64(member.Offset);
                    writer.Write7BitEncodedInt64(member.Size);
                }
            }
        }

        byte[] header = new byte[HeaderSize];
        Magic.CopyTo(header);
        long[] numbers = [shardLength, stamp, index.Count, index.Labelled, index.HighestLabel, index.Unreadable, body.Length];
        for (int i = 0; i < numbers.Length; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(8 + (8 * i)), numbers[i]);
        }

        // The header has a checksum of its own, for it is believed before the body is read.
        Checksum(header, body.GetBuffer().AsSpan(0, (int)body.Length)).CopyTo(header.AsSpan(ChecksumAt));
        HeaderChecksum(header).CopyTo(header.AsSpan(HeaderChecksumAt));
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        string unfinished = $"{path}.{Path.GetRandomFileName()}.tmp";
        using (FileStream file = File.Create(unfinished))
        {
            file.Write(header);
            file.Write(body.GetBuffer().AsSpan(0, (int)body.Length));
        }

        File.Move(unfinished, path, overwrite: true);
        return index;
    }

    /// <summary>Reads the header of an index; null when it is missing, damaged, or of another version.</summary>
    public static ShardIndex? TryOpen(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            byte[] header = new byte[HeaderSize];
            file.ReadExactly(header);
            return Parse(header, file.Length - HeaderSize, out _);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Reads the samples of an index; null when it is damaged.</summary>
    /// <param name="file">The whole file.</param>
    public static IReadOnlyList<ShardEntry>? TryRead(ReadOnlySpan<byte> file)
    {
        if (file.Length < HeaderSize || Parse(file[..HeaderSize], file.Length - HeaderSize, out ReadOnlySpan<byte> checksum) is not { } index
            || !Checksum(file[..HeaderSize], file[HeaderSize..]).SequenceEqual(checksum))
        {
            return null;
        }

        return TryReadBody(file[HeaderSize..], index);
    }

    /// <summary>Reads the samples after the header, whatever stands there; null when it is damaged.</summary>
    internal static IReadOnlyList<ShardEntry>? TryReadBody(ReadOnlySpan<byte> body, ShardIndex index)
    {
        if (index.Count > body.Length / LeastSample)
        {
            return null;
        }

        List<ShardEntry> samples = new((int)index.Count);
        for (long i = 0; i < index.Count; i++)
        {
            if (!TryText(ref body, out string key) || !TryNumber(ref body, int.MaxValue + 2L, out long label) || label > index.HighestLabel + 2L
                || !TryNumber(ref body, body.Length / LeastSample, out long count))
            {
                return null;
            }

            ShardMember[] members = new ShardMember[count];
            for (int k = 0; k < count; k++)
            {
                if (!TryText(ref body, out string extension) || !TryNumber(ref body, index.ShardLength, out long offset)
                    || !TryNumber(ref body, index.ShardLength - offset, out long size))
                {
                    return null;
                }

                members[k] = new ShardMember(extension, offset, size);
            }

            samples.Add(new ShardEntry(key, members, label == 0 ? null : (int)(label - 2)));
        }

        return body.IsEmpty ? samples : null;
    }

    private static ShardIndex? Parse(ReadOnlySpan<byte> header, long bodyLength, out ReadOnlySpan<byte> checksum)
    {
        checksum = header[ChecksumAt..HeaderChecksumAt];
        long Number(ReadOnlySpan<byte> bytes, int place) => BinaryPrimitives.ReadInt64LittleEndian(bytes[(8 + (8 * place))..]);
        ShardIndex index = new(
            Number(header, 0), Number(header, 1), Number(header, 2), Number(header, 3), (int)Math.Clamp(Number(header, 4), -1, int.MaxValue),
            Number(header, 5));
        return header.StartsWith(Magic) && HeaderChecksum(header).SequenceEqual(header[HeaderChecksumAt..]) && Number(header, 6) == bodyLength
            && index.ShardLength >= 0 && index.Count >= 0 && index.Count <= bodyLength / LeastSample
            && index.Labelled >= 0 && index.Labelled <= index.Count && index.Unreadable >= 0 && index.Unreadable <= index.Count - index.Labelled
            ? index
            : null;
    }

    private static byte[] Checksum(ReadOnlySpan<byte> header, ReadOnlySpan<byte> body)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(header[..ChecksumAt]);
        hash.AppendData(body);
        return hash.GetHashAndReset();
    }

    private static ReadOnlySpan<byte> HeaderChecksum(ReadOnlySpan<byte> header) =>
        SHA256.HashData(header[..HeaderChecksumAt]).AsSpan(0, HeaderSize - HeaderChecksumAt);

    private static bool TryText(ref ReadOnlySpan<byte> body, out string text)
    {
        text = string.Empty;
        if (!TryNumber(ref body, Math.Min(LongestKey, body.Length), out long length) || length > body.Length)
        {
            return false;
        }

        text = Encoding.UTF8.GetString(body[..(int)length]);
        body = body[(int)length..];
        return true;
    }

    // Seven bits to a byte, the lowest first, as BinaryWriter writes them.
    private static bool TryNumber(ref ReadOnlySpan<byte> body, long most, out long value)
    {
        value = 0;
        for (int i = 0; i < Math.Min(body.Length, 9); i++)
        {
            value |= (long)(body[i] & 0x7F) << (7 * i);
            if (body[i] < 0x80)
            {
                body = body[(i + 1)..];
                return value <= most;
            }
        }

        return false;
    }
}

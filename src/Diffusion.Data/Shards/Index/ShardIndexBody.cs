using System.Text;

namespace Diffusion.Data;

/// <summary>The part of an index after its header: every sample with its files, then the files that belong to no sample.</summary>
internal static class ShardIndexBody
{
    /// <summary>The minimum size of a sample, in bytes.</summary>
    public const int MinSampleBytes = 3;

    private const int MaxTextBytes = 4096;

    /// <summary>Serializes the body.</summary>
    public static byte[] ToBytes(ShardContents contents)
    {
        using MemoryStream body = new();
        using (BinaryWriter writer = new(body, Encoding.UTF8, leaveOpen: true))
        {
            foreach (ShardEntry sample in contents.Samples)
            {
                writer.Write(sample.Key);
                writer.Write7BitEncodedInt64(sample.Label + 2L ?? 0); // 0: no label, 1: an invalid label
                writer.Write7BitEncodedInt64(sample.Members.Count);
                foreach (ShardMember member in sample.Members)
                {
                    writer.Write(member.Extension);
                    writer.Write7BitEncodedInt64(member.Offset + 1); // 0: a link to a missing file
                    writer.Write7BitEncodedInt64(member.Size);
                }
            }

            writer.Write7BitEncodedInt64(contents.Ignored.Count);
            foreach (SkippedImages part in contents.Ignored)
            {
                writer.Write(part.Reason);
                writer.Write7BitEncodedInt64(part.Count);
                writer.Write7BitEncodedInt64(part.Examples.Count);
                foreach (string example in part.Examples)
                {
                    writer.Write(example);
                }
            }
        }

        return body.ToArray();
    }

    /// <summary>Parses untrusted bytes; null when they are damaged.</summary>
    public static ShardContents? TryRead(ReadOnlySpan<byte> body, ShardIndex index)
    {
        if (index.Count > body.Length / MinSampleBytes)
        {
            return null;
        }

        List<ShardEntry> samples = new((int)index.Count);
        for (long i = 0; i < index.Count; i++)
        {
            if (!TryText(ref body, out string key) || !TryNumber(ref body, int.MaxValue + 2L, out long label)
                || label > index.MaxLabel + 2L
                || TryMembers(ref body, index) is not { } members)
            {
                return null;
            }

            samples.Add(new ShardEntry(key, members, label == 0 ? null : (int)(label - 2)));
        }

        return TryIgnored(ref body) is { } ignored && body.IsEmpty ? new ShardContents(samples, ignored) : null;
    }

    private static ShardMember[]? TryMembers(ref ReadOnlySpan<byte> body, ShardIndex index)
    {
        if (!TryNumber(ref body, body.Length / MinSampleBytes, out long count))
        {
            return null;
        }

        ShardMember[] members = new ShardMember[count];
        for (int i = 0; i < count; i++)
        {
            if (!TryText(ref body, out string extension) || !TryNumber(ref body, index.ShardLength + 1, out long place)
                || !TryNumber(ref body, place == 0 ? 0 : index.ShardLength - (place - 1), out long size))
            {
                return null;
            }

            members[i] = new ShardMember(extension, place - 1, size);
        }

        return members;
    }

    private static SkippedImages[]? TryIgnored(ref ReadOnlySpan<byte> body)
    {
        if (!TryNumber(ref body, body.Length / MinSampleBytes, out long count))
        {
            return null;
        }

        SkippedImages[] parts = new SkippedImages[count];
        for (int i = 0; i < count; i++)
        {
            if (!TryText(ref body, out string reason) || !TryNumber(ref body, long.MaxValue, out long files)
                || !TryNumber(ref body, Math.Min(body.Length, SkippedImages.MaxExamples), out long named))
            {
                return null;
            }

            string[] examples = new string[named];
            for (int k = 0; k < named; k++)
            {
                if (!TryText(ref body, out examples[k]))
                {
                    return null;
                }
            }

            parts[i] = new SkippedImages(reason, files, examples);
        }

        return parts;
    }

    private static bool TryText(ref ReadOnlySpan<byte> body, out string text)
    {
        text = string.Empty;
        if (!TryNumber(ref body, Math.Min(MaxTextBytes, body.Length), out long length) || length > body.Length)
        {
            return false;
        }

        text = Encoding.UTF8.GetString(body[..(int)length]);
        body = body[(int)length..];
        return true;
    }

    // Seven bits per byte, lowest first, as BinaryWriter writes them.
    private static bool TryNumber(ref ReadOnlySpan<byte> body, long max, out long value)
    {
        value = 0;
        for (int i = 0; i < Math.Min(body.Length, 9); i++)
        {
            value |= (long)(body[i] & 0x7F) << (7 * i);
            if (body[i] < 0x80)
            {
                body = body[(i + 1)..];
                return value <= max;
            }
        }

        return false;
    }
}

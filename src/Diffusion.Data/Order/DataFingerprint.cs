using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Diffusion.Data;

/// <summary>
/// Identifies a set of images by eight of them, spread evenly. The images that a set had before an extension have the same fingerprint
/// afterwards. Images that cannot be read are left undecided.
/// </summary>
internal static class DataFingerprint
{
    private const int Images = 8;
    private const int HashCharacters = 16;
    private const char Between = '-';
    private const string Unknown = "?";

    /// <summary>
    /// The fingerprint of the first images of a source: the pixels and labels of eight of them, and the sizes of their groups.
    /// </summary>
    /// <param name="source">The source.</param>
    /// <param name="count">The number of images, at least 1.</param>
    public static string Of(IImageSource source, long count)
    {
        byte[] sample = new byte[new SampleReader(source).ImageBytes + sizeof(long)];
        long images = Math.Min(count, Images);
        List<string> pieces = [];
        for (long i = 0; i < images; i++)
        {
            long index = images == 1 ? 0 : (long)((Int128)i * (count - 1) / (images - 1));
            pieces.Add(TryRead(source, index, sample) ? HashOf(sample) : Unknown);
        }

        byte[] groups = [.. Groups(source, count).SelectMany(BitConverter.GetBytes)];
        return string.Join(Between, [.. pieces, HashOf(groups)]);
    }

    /// <summary>Completes a fingerprint with an earlier one of the same images; null when the images differ.</summary>
    public static string? Join(string earlier, string now)
    {
        string[] before = earlier.Split(Between);
        string[] after = now.Split(Between);
        return before.Length == after.Length
            && before.Zip(after).All(pair => pair.First == pair.Second || pair.First == Unknown || pair.Second == Unknown)
            ? string.Join(Between, before.Zip(after, (first, second) => second == Unknown ? first : second))
            : null;
    }

    /// <summary>The sizes of the groups of the first images of a source; the last group is cut to these images.</summary>
    public static IEnumerable<long> Groups(IImageSource source, long count)
    {
        long left = count;
        foreach (long size in (source.GroupSizes ?? []).TakeWhile(_ => left > 0))
        {
            yield return Math.Min(size, left);
            left -= size;
        }
    }

    private static bool TryRead(IImageSource source, long index, Span<byte> sample)
    {
        try
        {
            source.Read(index, sample[sizeof(long)..]);
            BinaryPrimitives.WriteInt64LittleEndian(sample, source.ClassCount is null ? 0 : source.LabelOf(index));
            return true;
        }
        catch (ImageDataException)
        {
            return false;
        }
    }

    private static string HashOf(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes))[..HashCharacters];
}

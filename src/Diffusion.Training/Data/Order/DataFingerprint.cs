using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Diffusion.Training;

/// <summary>Tells sets of images apart by a few of them: those that a set had before it was extended look the same after it.</summary>
internal static class DataFingerprint
{
    private const int Images = 8;

    /// <summary>The fingerprint of the first images of a source: of the pixels of eight of them, spread evenly, and of the groups they lie in.</summary>
    /// <param name="source">The source.</param>
    /// <param name="count">How many of its images, at least 1.</param>
    public static string Of(IImageSource source, long count)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] pixels = new byte[new SampleReader(source).ImageBytes];
        long images = Math.Min(count, Images);
        for (long i = 0; i < images; i++)
        {
            long index = images == 1 ? 0 : (long)((Int128)i * (count - 1) / (images - 1));
            hash.AppendData(TryRead(source, index, pixels) ? pixels : []);
            Append(hash, index);
        }

        foreach (long size in Groups(source, count))
        {
            Append(hash, size);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>The sizes of the groups that the first images of a source lie in; of the last group only what belongs to them.</summary>
    public static IEnumerable<long> Groups(IImageSource source, long count)
    {
        long left = count;
        foreach (long size in (source.GroupSizes ?? []).TakeWhile(_ => left > 0))
        {
            yield return Math.Min(size, left);
            left -= size;
        }
    }

    private static bool TryRead(IImageSource source, long index, byte[] pixels)
    {
        try
        {
            source.Read(index, pixels);
            return true;
        }
        catch (ImageDataException)
        {
            return false;
        }
    }

    private static void Append(IncrementalHash hash, long number)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        hash.AppendData(bytes);
    }
}

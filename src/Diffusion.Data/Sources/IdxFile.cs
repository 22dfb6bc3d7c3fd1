using System.Buffers.Binary;
using System.IO.Compression;

namespace Diffusion.Data;

/// <summary>
/// A strict reader of IDX files of bytes, the format of MNIST: two zeros, the type 0x08, the number of dimensions, each dimension as a
/// big-endian 32-bit number, then the values. Uncompressed or gzip, detected by the first bytes.
/// </summary>
internal static class IdxFile
{
    private const int FirstBlock = 1 << 16;

    /// <summary>Reads a whole file. Memory grows with the actual content, whatever the header claims.</summary>
    /// <param name="path">The file.</param>
    /// <param name="dimensions">The required number of dimensions: 3 for images, 1 for labels.</param>
    public static (int[] Dimensions, byte[] Values) Read(string path, int dimensions)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        return Read(file, path, dimensions);
    }

    /// <summary>
    /// The number of dimensions by the first bytes of a file; null when it cannot be read or is not an IDX file of any type.
    /// </summary>
    /// <param name="path">The file, uncompressed or gzip.</param>
    public static int? DimensionsOf(string path)
    {
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            using GZipStream unpacked = new(file, CompressionMode.Decompress, leaveOpen: true);
            bool packed = IsPacked(file);
            byte[] magic = new byte[4];
            return (packed ? unpacked : (Stream)file).ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) == magic.Length
                && magic is [0, 0, >= 0x08 and <= 0x0E, > 0]
                ? magic[3]
                : null;
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return null;
        }
    }

    /// <summary>Reads an open file.</summary>
    /// <param name="file">The file: a seekable stream, which is not disposed.</param>
    /// <param name="path">The file as errors show it.</param>
    /// <param name="dimensions">The required number of dimensions.</param>
    internal static (int[] Dimensions, byte[] Values) Read(Stream file, string path, int dimensions)
    {
        if (file.Length == 0)
        {
            throw new ImageDataException(path, "the file is empty (0 bytes). Download it again.");
        }

        if (GitLfsPointer.IsPointer(file))
        {
            throw new ImageDataException(path, GitLfsPointer.Explanation);
        }

        if (!IsPacked(file))
        {
            return Read(file, path, dimensions, file.Length);
        }

        try
        {
            using GZipStream unpacked = new(file, CompressionMode.Decompress, leaveOpen: true);
            return Read(unpacked, path, dimensions, null);
        }
        catch (InvalidDataException damage)
        {
            throw new ImageDataException(path, "its gzip data is truncated or damaged. Download it again.", damage);
        }
    }

    private static bool IsPacked(Stream file)
    {
        bool packed = file.ReadByte() == 0x1F && file.ReadByte() == 0x8B;
        file.Position = 0;
        return packed;
    }

    private static (int[] Dimensions, byte[] Values) Read(Stream stream, string path, int dimensions, long? fileBytes)
    {
        int[] sizes = ReadHeader(stream, path, dimensions);
        long expected = sizes.Aggregate(1L, (product, size) => product > Array.MaxLength ? product : product * size);
        long header = 4 + (4 * dimensions);
        string shape = string.Join(" x ", sizes);
        if (expected > Array.MaxLength)
        {
            throw new ImageDataException(path, $"its header claims {shape} bytes, more than the maximum of 2 GiB.");
        }

        if (fileBytes is { } bytes && bytes != header + expected)
        {
            throw new ImageDataException(
                path, $"its header claims {shape} bytes, so it must have {header + expected} bytes, "
                + $"but it has {bytes}. Download it again.");
        }

        return (sizes, ReadValues(stream, path, (int)expected, shape));
    }

    private static int[] ReadHeader(Stream stream, string path, int dimensions)
    {
        byte[] header = new byte[4 + (4 * dimensions)];
        if (stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) < header.Length)
        {
            throw new ImageDataException(path,
                $"the file is truncated: it ends within its header of {header.Length} bytes. Download it again.");
        }

        int expected = 0x0800 | dimensions;
        int magic = BinaryPrimitives.ReadInt32BigEndian(header);
        if (magic != expected)
        {
            throw new ImageDataException(
                path, $"it is not an IDX file of bytes with {dimensions} dimensions: it begins with 0x{magic:X8}, "
                + $"but must begin with 0x{expected:X8}. Image files have 3 dimensions, label files 1.");
        }

        int[] sizes = new int[dimensions];
        for (int i = 0; i < dimensions; i++)
        {
            sizes[i] = BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(4 + (4 * i)));
            if (sizes[i] < 1)
            {
                throw new ImageDataException(path, $"its dimension {i} is {sizes[i]}, but must be at least 1.");
            }
        }

        return sizes;
    }

    private static byte[] ReadValues(Stream stream, string path, int expected, string shape)
    {
        byte[] values = new byte[Math.Min(expected, FirstBlock)];
        int read = 0;
        while (true)
        {
            read += stream.ReadAtLeast(values.AsSpan(read), values.Length - read, throwOnEndOfStream: false);
            if (read < values.Length)
            {
                throw new ImageDataException(path,
                    $"the file is truncated: its header claims {shape} bytes, but {read} are present. Download it again.");
            }

            if (read == expected)
            {
                break;
            }

            Array.Resize(ref values, (int)Math.Min(expected, 2L * values.Length));
        }

        return stream.ReadByte() < 0
            ? values
            : throw new ImageDataException(path, $"it has data after the {shape} bytes that its header claims. Download it again.");
    }
}

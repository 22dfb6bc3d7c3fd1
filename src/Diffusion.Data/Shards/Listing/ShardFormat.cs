namespace Diffusion.Data;

/// <summary>
/// Detects the format of a shard by its first bytes. Its name may be wrong, because browsers decompress and servers compress.
/// </summary>
internal static class ShardFormat
{
    private static readonly (byte[] Start, string Kind)[] Others =
    [
        ([0x28, 0xB5, 0x2F, 0xFD], "a Zstandard file (unzstd)"),
        ("BZh"u8.ToArray(), "a bzip2 file (bunzip2)"),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "an xz file (unxz)"),
        ([0x04, 0x22, 0x4D, 0x18], "an LZ4 file (unlz4)"),
        ("LZIP"u8.ToArray(), "an lzip file (lzip -d)"),
        ("PK\x03\x04"u8.ToArray(), "a zip file (unzip)"),
        ("PK\x05\x06"u8.ToArray(), "a zip file (unzip)"),
        ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7z file (7z x)"),
        ("Rar!"u8.ToArray(), "a RAR file (unrar x)"),
        ("PAR1"u8.ToArray(), "a Parquet file (ParquetImages reads it)"),
    ];

    /// <summary>Whether a file is a gzip file, which must be unpacked.</summary>
    /// <param name="path">The file.</param>
    /// <param name="name">The file as errors show it.</param>
    /// <exception cref="ImageDataException">The file has another format, or is a Git LFS pointer.</exception>
    public static bool IsPacked(string path, string name)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        Span<byte> start = stackalloc byte[TarHeader.Size];
        start = start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        if (start.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B]))
        {
            return true;
        }

        if (GitLfsPointer.IsPointer(start, file.Length))
        {
            throw new ImageDataException(name, GitLfsPointer.Explanation);
        }

        foreach ((byte[] known, string kind) in Others)
        {
            if (start.StartsWith(known) && !IsHeader(start))
            {
                throw new ImageDataException(
                    name, $"it is {kind}. Shards are tar files, plain or gzip (.tar, .tar.gz, .tgz): repack it.");
            }
        }

        return false;
    }

    private static bool IsHeader(ReadOnlySpan<byte> start) => start.Length == TarHeader.Size && TarHeader.TryParse(start, out _, out _);
}

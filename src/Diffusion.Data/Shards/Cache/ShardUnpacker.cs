using System.IO.Compression;

namespace Diffusion.Data;

/// <summary>Unpacks gzip shards, which do not allow random access. A file may consist of several gzip members.</summary>
internal sealed class ShardUnpacker(ShardCache cache, long maxBytes)
{
    private const int PieceBytes = 1 << 20;

    /// <summary>Unpacks a file once, atomically.</summary>
    /// <param name="path">The gzip file.</param>
    /// <param name="name">The file as errors show it.</param>
    /// <param name="target">The unpacked file, in the cache folder; nothing happens if it exists.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>The unpacked file.</returns>
    /// <exception cref="ImageDataException">The file is damaged, or too large.</exception>
    /// <exception cref="IOException">The cache folder cannot be used.</exception>
    public string Unpack(string path, string name, string target, CancellationToken cancellationToken)
    {
        if (File.Exists(target))
        {
            return target;
        }

        using FileStream packed = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        try
        {
            cache.Write(target, file => Unpack(packed, file, name, cancellationToken));
        }
        catch (InvalidDataException problem)
        {
            throw new ImageDataException(name, $"it is damaged, truncated, or not a gzip file: {problem.Message}", problem);
        }

        return target;
    }

    private void Unpack(FileStream packed, FileStream file, string name, CancellationToken cancellationToken)
    {
        using GZipStream content = new(packed, CompressionMode.Decompress, leaveOpen: true);
        byte[] piece = new byte[PieceBytes];
        while (content.Read(piece) is > 0 and int read)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (file.Position + read > maxBytes)
            {
                throw new ImageDataException(
                    name, $"it unpacks to more than {maxBytes} bytes. Raise ShardOptions.MaxUnpackedBytes if that is expected.");
            }

            file.Write(piece, 0, read);
        }
    }
}

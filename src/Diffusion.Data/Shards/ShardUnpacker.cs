using System.IO.Compression;

namespace Diffusion.Data;

/// <summary>Unpacks shards that are gzip files, of one part or of many: they cannot be read in the middle.</summary>
internal sealed class ShardUnpacker(ShardCache cache, long largest)
{
    private const int PieceBytes = 1 << 20;

    /// <summary>Unpacks a file once, whole or not at all.</summary>
    /// <param name="path">The gzip file.</param>
    /// <param name="name">What errors call it.</param>
    /// <param name="target">The unpacked file, in the cache folder; nothing is done when it exists.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The unpacked file.</returns>
    /// <exception cref="ImageDataException">It is damaged, or too large.</exception>
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
            throw new ImageDataException(name, $"it is damaged or truncated, or no gzip file: {problem.Message}", problem);
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
            if (file.Position + read > largest)
            {
                throw new ImageDataException(
                    name, $"it unpacks to more than {largest} bytes. Raise ShardOptions.LargestUnpacked if that is right.");
            }

            file.Write(piece, 0, read);
        }
    }
}

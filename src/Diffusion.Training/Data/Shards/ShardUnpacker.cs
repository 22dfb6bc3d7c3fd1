using System.IO.Compression;

namespace Diffusion.Training;

/// <summary>Unpacks shards that are gzip files: they cannot be read in the middle.</summary>
internal sealed class ShardUnpacker(ShardOptions options)
{
    private const int PieceBytes = 1 << 20;

    /// <summary>Unpacks a file once, under a temporary name, and moves it into its place.</summary>
    /// <param name="path">The gzip file.</param>
    /// <param name="name">What errors call it.</param>
    /// <param name="target">The unpacked file; nothing is done when it exists.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The unpacked file.</returns>
    public string Unpack(string path, string name, string target, CancellationToken cancellationToken)
    {
        if (File.Exists(target))
        {
            return target;
        }

        Directory.CreateDirectory(options.CacheFolder);
        string unfinished = $"{target}.{Path.GetRandomFileName()}.tmp";
        try
        {
            using (FileStream packed = new(path, FileMode.Open, FileAccess.Read, FileShare.Read))
            using (GZipStream content = new(packed, CompressionMode.Decompress))
            using (FileStream file = File.Create(unfinished))
            {
                byte[] piece = new byte[PieceBytes];
                while (content.Read(piece) is > 0 and int read)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    if (file.Length + read > options.LargestUnpacked)
                    {
                        throw new ImageDataException(name, $"it unpacks to more than {options.LargestUnpacked} bytes. Raise ShardOptions.LargestUnpacked if that is right.");
                    }

                    file.Write(piece, 0, read);
                }
            }

            File.Move(unfinished, target, overwrite: true);
            return target;
        }
        catch (InvalidDataException problem)
        {
            throw new ImageDataException(name, $"it is damaged or truncated, or no gzip file: {problem.Message}", problem);
        }
        finally
        {
            File.Delete(unfinished);
        }
    }
}

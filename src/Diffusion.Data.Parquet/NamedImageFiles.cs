using System.Buffers;

namespace Diffusion.Data.Parquet;

/// <summary>
/// Image files that a table names where it does not hold them. Only files inside its folder are read: a table from somewhere else must not
/// reach what else is on the disk.
/// </summary>
/// <param name="folders">Where a path may begin, and what it may not leave: full paths, the first that has the file wins.</param>
internal sealed class NamedImageFiles(IReadOnlyList<string> folders)
{
    private const int PieceBytes = 1 << 16;

    /// <summary>Where a file is.</summary>
    /// <param name="path">As the table has it, with either kind of slash.</param>
    /// <param name="name">What errors call the row.</param>
    /// <exception cref="ImageDataException">It is not inside the folders, or not there.</exception>
    public string Find(string path, string name)
    {
        string local = path.Replace('\\', '/');
        foreach (string folder in folders)
        {
            string root = Path.TrimEndingDirectorySeparator(folder).Replace('\\', '/');
            string below = local.StartsWith(root + '/', StringComparison.Ordinal) ? local[(root.Length + 1)..] : local;
            string[] parts = below.Split('/', StringSplitOptions.RemoveEmptyEntries);
            if (below.StartsWith('/') || below.Contains(':', StringComparison.Ordinal) || below.Contains('\0', StringComparison.Ordinal)
                || parts.Contains("..", StringComparer.Ordinal))
            {
                throw new ImageDataException(name, $"its image is not held but named, as '{path}', which is outside {folder}. {Remedy}");
            }

            string file = Path.Combine([folder, .. parts]);
            if (File.Exists(file))
            {
                return RealPath.IsInside(file, folder)
                    ? file
                    : throw new ImageDataException(name,
                        $"its image is not held but named, as '{path}', which is a link out of {folder}. {Remedy}");
            }
        }

        throw new ImageDataException(name,
            $"its image is not held but named, as '{path}', and no such file is in {string.Join(" or ", folders)}. {Remedy}");
    }

    /// <summary>Reads a file whole.</summary>
    /// <param name="path">As the table has it.</param>
    /// <param name="name">What errors call the row.</param>
    /// <param name="destination">Takes the bytes.</param>
    /// <exception cref="ImageDataException">It is not inside the folders, not there, or too large.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public void Read(string path, string name, IBufferWriter<byte> destination)
    {
        using FileStream file = new(Find(path, name), FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        ParquetImageFiles.ThrowIfOver(file.Length, name);
        int read;
        do
        {
            read = file.Read(destination.GetSpan(PieceBytes));
            destination.Advance(read);
        }
        while (read > 0);
    }

    private static string Remedy =>
        "Put the files there, or write them into the table: in Python, "
        + "dataset.with_format(\"arrow\").map(datasets.table.embed_table_storage, batched=True).to_parquet(...).";
}

using System.Buffers;

namespace Diffusion.Data.Parquet;

/// <summary>
/// Image files that a table references by path. Only files inside its folder are read, so that an untrusted table cannot access other
/// files.
/// </summary>
/// <param name="folders">The folders that may contain the files, as full paths; the first folder with the file is used.</param>
internal sealed class NamedImageFiles(IReadOnlyList<string> folders)
{
    private const int PieceBytes = 1 << 16;

    /// <summary>Finds a file.</summary>
    /// <param name="path">The path in the table, with either kind of slash.</param>
    /// <param name="name">The row as errors show it.</param>
    /// <exception cref="ImageDataException">The file is not inside the folders, or does not exist.</exception>
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
                throw new ImageDataException(name, $"its image is the path '{path}', which is outside {folder}. {Remedy}");
            }

            string file = Path.Combine([folder, .. parts]);
            if (File.Exists(file))
            {
                return RealPath.IsInside(file, folder)
                    ? file
                    : throw new ImageDataException(name,
                        $"its image is the path '{path}', which is a link to a file outside {folder}. {Remedy}");
            }
        }

        throw new ImageDataException(name,
            $"its image is the path '{path}', but this file does not exist in {string.Join(" or ", folders)}. {Remedy}");
    }

    /// <summary>Reads a complete file.</summary>
    /// <param name="path">The path in the table.</param>
    /// <param name="name">The row as errors show it.</param>
    /// <param name="destination">Receives the bytes.</param>
    /// <exception cref="ImageDataException">The file is not inside the folders, does not exist, or is too large.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
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
        "Put the files there, or embed them in the table: in Python, "
        + "dataset.with_format(\"arrow\").map(datasets.table.embed_table_storage, batched=True).to_parquet(...).";
}

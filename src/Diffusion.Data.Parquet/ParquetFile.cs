using Parquet;
using Parquet.Data;
using Parquet.Schema;

namespace Diffusion.Data.Parquet;

/// <summary>Opens one file for as long as something of it is read, and turns every damage into one kind of error.</summary>
internal static class ParquetFile
{
    private const int SmallestFile = 12;
    private const int BufferBytes = 1 << 16;

    /// <summary>Reads something of a file.</summary>
    /// <exception cref="ImageDataException">The file is missing, no Parquet file, truncated or damaged.</exception>
    public static T Read<T>(string path, Func<ParquetReader, ValueTask<T>> read)
    {
        try
        {
            // The library is asynchronous throughout; on a thread of the pool nothing of the caller's waits for itself.
            return Task.Run(async () =>
            {
                using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, BufferBytes);
                CheckEnds(path, file);
                await using ParquetReader reader = await ParquetReader.CreateAsync(file, leaveStreamOpen: true);
                return await read(reader);
            }).GetAwaiter().GetResult();
        }
        catch (FileNotFoundException problem)
        {
            throw new ImageDataException(path, "the file does not exist.", problem);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new ImageDataException(path, $"the file cannot be read: {problem.Message}", problem);
        }
        catch (Exception problem) when (problem is not ImageDataException)
        {
            // A damaged file makes the library throw nearly anything: a wrong index, an overflow, a cast.
            throw new ImageDataException(path, $"the file is damaged ({problem.GetType().Name}: {problem.Message}). Fetch it again.", problem);
        }
    }

    /// <summary>Reads one column of one row group.</summary>
    public static async ValueTask<T> ReadColumn<T>(ParquetReader reader, int group, DataField field, Func<RawColumnData, T> take)
    {
        using ParquetRowGroupReader rows = reader.OpenRowGroupReader(group);
        using RawColumnData data = await rows.ReadRawColumnDataBaseAsync(field, CancellationToken.None);
        return take(data);
    }

    private static void CheckEnds(string path, FileStream file)
    {
        Span<byte> mark = stackalloc byte[4];
        if (file.Length < SmallestFile)
        {
            throw new ImageDataException(path, $"it has {file.Length} bytes, but a Parquet file has at least {SmallestFile}. Fetch it again.");
        }

        file.ReadExactly(mark);
        if (!mark.SequenceEqual("PAR1"u8))
        {
            throw new ImageDataException(path, $"it is no Parquet file: it begins with 0x{Convert.ToHexString(mark)}, but must begin with 0x50415231 (PAR1).");
        }

        file.Position = file.Length - mark.Length;
        file.ReadExactly(mark);
        if (!mark.SequenceEqual("PAR1"u8))
        {
            throw new ImageDataException(path, $"the file is truncated: its {file.Length} bytes do not end in PAR1. Fetch it again.");
        }

        file.Position = 0;
    }
}

using Parquet;
using Parquet.Meta;
using Parquet.Schema;

namespace Diffusion.Data.Parquet;

/// <summary>One file, open for as long as something of it is read. It turns every damage into one kind of error.</summary>
internal sealed class ParquetFile
{
    private const int BufferBytes = 1 << 16;

    private readonly string path;
    private readonly CheckedStream stream;
    private readonly long footer;

    private ParquetFile(string path, CheckedStream stream, long footer, ParquetReader reader)
    {
        this.path = path;
        this.stream = stream;
        this.footer = footer;
        Reader = reader;
    }

    /// <summary>What the end of the file says about it.</summary>
    public ParquetReader Reader { get; }

    /// <summary>The size of the file.</summary>
    public long Length => stream.Length;

    /// <summary>Reads something of a file.</summary>
    /// <exception cref="ImageDataException">
    /// The file is missing, no Parquet file, truncated, damaged, or written in a way that is not read.
    /// </exception>
    public static T Read<T>(string path, Func<ParquetFile, ValueTask<T>> read)
    {
        try
        {
            // The library is asynchronous throughout; on a thread of the pool nothing of the caller's waits for itself.
            return Task.Run(async () =>
            {
                using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, BufferBytes);
                using CheckedStream whole = new(file);
                long pagesEnd = ParquetFooter.Check(path, whole);
                await using ParquetReader reader = await ParquetReader.CreateAsync(whole, leaveStreamOpen: true);
                return await read(new ParquetFile(path, whole, pagesEnd, reader));
            }).GetAwaiter().GetResult();
        }
        catch (FileNotFoundException problem)
        {
            throw new ImageDataException(path, "the file does not exist.", problem);
        }
        catch (Exception problem) when (problem is not ImageDataException)
        {
            throw new ImageDataException(path, $"the file {Damage(problem)}", problem);
        }
    }

    /// <summary>How many bytes a column of one row group is said to take in memory: only for planning, but never absurd.</summary>
    /// <exception cref="ImageDataException">The row group or the column is damaged, or written in a way that is not read.</exception>
    public long UnpackedBytes(int group, DataField field, int rows)
    {
        try
        {
            ColumnMetaData column = ParquetChunk.Find(Reader.OpenRowGroupReader(group), field, rows);
            return Math.Clamp(column.TotalUncompressedSize, 0, ParquetBounds.UnpackedOf(Length, ParquetBounds.Unpacked));
        }
        catch (Exception problem) when (problem is not ImageDataException)
        {
            throw Failed(group, field, problem);
        }
    }

    /// <summary>How many values of a column are null, where the file says; null where it does not.</summary>
    /// <exception cref="ImageDataException">As above.</exception>
    public long? Nulls(int group, DataField field, int rows)
    {
        try
        {
            return ParquetChunk.Find(Reader.OpenRowGroupReader(group), field, rows).Statistics?.NullCount;
        }
        catch (Exception problem) when (problem is not ImageDataException)
        {
            throw Failed(group, field, problem);
        }
    }

    /// <summary>Reads a column of one row group.</summary>
    /// <param name="group">The number of the row group.</param>
    /// <param name="field">The column.</param>
    /// <param name="count">How many rows the row group has.</param>
    /// <param name="always">What its pages may unpack to, in bytes, however small they are.</param>
    /// <param name="unread">What stands where the file holds fewer values than it announces.</param>
    /// <returns>The values that are not null, and where they belong.</returns>
    /// <exception cref="ImageDataException">The row group or the column is damaged, or written in a way that is not read.</exception>
    public async ValueTask<ParquetColumn<T>> ReadColumn<T>(int group, DataField field, int count, long always, T unread)
        where T : struct
    {
        try
        {
            ParquetRowGroupReader rows = Reader.OpenRowGroupReader(group);
            ColumnMetaData column = ParquetChunk.Find(rows, field, count);
            stream.End = footer;
            stream.End = ParquetPages.Check(stream, footer, column, always);

            // Parquet.Net's own memory is used before and would show other images where a page is short.
            T[] values = new T[count];
            Array.Fill(values, unread);
            int[] levels = new int[field.MaxDefinitionLevel > 0 ? count : 0];
            Array.Fill(levels, -1);
            await rows.ReadRawAsync<T>(field, values, field.MaxDefinitionLevel > 0 ? levels : default(Memory<int>?), null);
            return new ParquetColumn<T>(values, ParquetRows.Places(levels, count, field.MaxDefinitionLevel));
        }
        catch (Exception problem) when (problem is not ImageDataException)
        {
            throw Failed(group, field, problem);
        }
    }

    private ImageDataException Failed(int group, DataField field, Exception problem) =>
        new(path, $"its row group {group} {Damage(problem, $", column {field.Path}")}", problem);

    // A damaged file makes Parquet.Net throw nearly anything: a wrong index, an overflow, a cast.
    private static string Damage(Exception problem, string place = "") => problem switch
    {
        IOException or UnauthorizedAccessException => $"cannot be read{place}: {problem.Message}",
        NotSupportedException => $"cannot be read{place}. {problem.Message}",
        InvalidDataException => $"is damaged{place}. {problem.Message} Fetch it again.",
        _ => $"is damaged{place} ({problem.GetType().Name}: {problem.Message}). Fetch it again.",
    };
}

using System.Runtime.CompilerServices;
using Parquet;
using Parquet.Meta;
using Parquet.Schema;

namespace Diffusion.Data.Parquet;

/// <summary>An open file. Converts every kind of damage into an <see cref="ImageDataException"/>.</summary>
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

    /// <summary>The Parquet.Net reader of the file.</summary>
    public ParquetReader Reader { get; }

    /// <summary>The size of the file, in bytes.</summary>
    public long Length => stream.Length;

    /// <summary>Opens a file and reads from it.</summary>
    /// <exception cref="ImageDataException">
    /// The file is missing, not a Parquet file, truncated, damaged, or uses an unsupported feature.
    /// </exception>
    public static T Read<T>(string path, Func<ParquetFile, ValueTask<T>> read)
    {
        try
        {
            // Parquet.Net is asynchronous; a thread of the pool prevents deadlocks with the caller's synchronization context.
            return Task.Run(async () =>
            {
                using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, BufferBytes);
                using CheckedStream whole = new(file);
                long pagesEnd = ParquetFooter.Check(path, whole);
                ParquetReader reader = await ParquetReader.CreateAsync(whole, leaveStreamOpen: true).ConfigureAwait(false);
                await using ConfiguredAsyncDisposable closing = reader.ConfigureAwait(false);
                return await read(new ParquetFile(path, whole, pagesEnd, reader)).ConfigureAwait(false);
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

    /// <summary>
    /// The claimed size of a column of one row group in memory, in bytes, clamped to a plausible range. For planning only.
    /// </summary>
    /// <exception cref="ImageDataException">The row group or the column is damaged, or uses an unsupported feature.</exception>
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

    /// <summary>The number of nulls in a column; null when the file has no statistics.</summary>
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
    /// <param name="group">The index of the row group.</param>
    /// <param name="field">The column.</param>
    /// <param name="count">The number of rows in the row group.</param>
    /// <param name="always">The size that its pages may always decompress to, in bytes, however small they are.</param>
    /// <param name="unread">The value to use when the file contains fewer values than it claims.</param>
    /// <returns>The non-null values and their rows.</returns>
    /// <exception cref="ImageDataException">The row group or the column is damaged, or uses an unsupported feature.</exception>
    public async ValueTask<ParquetColumn<T>> ReadColumn<T>(int group, DataField field, int count, long always, T unread)
        where T : struct
    {
        try
        {
            ParquetRowGroupReader rows = Reader.OpenRowGroupReader(group);
            ColumnMetaData column = ParquetChunk.Find(rows, field, count);
            stream.End = footer;
            stream.End = ParquetPages.Check(stream, footer, column, always);

            // Parquet.Net's buffers are reused and would return other images when a page is too short.
            T[] values = new T[count];
            Array.Fill(values, unread);
            int[] levels = new int[field.MaxDefinitionLevel > 0 ? count : 0];
            Array.Fill(levels, -1);
            await rows.ReadRawAsync<T>(field, values, field.MaxDefinitionLevel > 0 ? levels : default(Memory<int>?), null)
                .ConfigureAwait(false);
            return new ParquetColumn<T>(values, ParquetRows.Places(levels, count, field.MaxDefinitionLevel));
        }
        catch (Exception problem) when (problem is not ImageDataException)
        {
            throw Failed(group, field, problem);
        }
    }

    private ImageDataException Failed(int group, DataField field, Exception problem) =>
        new(path, $"its row group {group} {Damage(problem, $", column {field.Path}")}", problem);

    // On a damaged file Parquet.Net may throw almost any exception: index out of range, overflow, invalid cast.
    private static string Damage(Exception problem, string place = "") => problem switch
    {
        IOException or UnauthorizedAccessException => $"cannot be read{place}: {problem.Message}",
        NotSupportedException => $"cannot be read{place}. {problem.Message}",
        InvalidDataException => $"is damaged{place}. {problem.Message} Download it again.",
        _ => $"is damaged{place} ({problem.GetType().Name}: {problem.Message}). Download it again.",
    };
}

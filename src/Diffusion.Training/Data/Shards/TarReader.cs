using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Diffusion.Training;

/// <summary>
/// Walks through the headers of a tar archive (USTAR, GNU or PAX) and believes none of them: checksums are verified, sizes must lie within the
/// file, extended headers are at most 64 KiB, and an archive without its end mark, or with data after it, is damaged. What lies between the
/// headers is not read.
/// </summary>
/// <param name="stream">The archive; it can seek, and stays its caller's.</param>
/// <param name="name">What errors call it.</param>
internal sealed class TarReader(Stream stream, string name)
{
    private const int MostExtended = 64 * 1024;
    private const int MostName = 4096;

    private readonly byte[] block = new byte[TarHeader.Size];
    private readonly long length = stream.Length;
    private string? archiveName;
    private long? archiveSize;
    private long position;

    /// <summary>The next entry; false at the end mark.</summary>
    /// <exception cref="ImageDataException">The archive is damaged or truncated; the message says at which byte.</exception>
    public bool TryReadNext(out TarEntry entry)
    {
        entry = default;
        long first = position;
        string? longName = null;
        long? longSize = null;
        while (true)
        {
            long at = position;
            if (!TryReadHeader(at, out TarHeader header))
            {
                return first == at ? false : Fail<bool>(at, "the archive ends after an extended header, whose entry is missing.");
            }

            switch (header.Type)
            {
                case 'L':
                    longName = Encoding.UTF8.GetString(ReadData(at, header.Length)).TrimEnd('\0');
                    break;
                case 'x':
                    (longName, longSize) = Pax(at, ReadData(at, header.Length), longName, longSize);
                    break;
                case 'g':
                    (archiveName, archiveSize) = Pax(at, ReadData(at, header.Length), archiveName, archiveSize);
                    break;
                case 'K' or 'V':
                    Skip(at, header.Length);
                    break;
                case 'S' or 'M' or 'D':
                    Fail<bool>(at, $"it holds an entry of GNU's type '{header.Type}' (sparse, multi-volume or dump). Write the archive anew with plain files.");
                    break;
                default:
                    // Links, devices and folders have no bytes, whatever their size says.
                    bool hasBytes = header.Type is not (>= '1' and <= '6');
                    string path = longName ?? archiveName ?? header.Name;
                    if (Encoding.UTF8.GetByteCount(path) > MostName)
                    {
                        Fail<bool>(at, $"a name of more than {MostName} bytes is no path.");
                    }

                    long size = hasBytes ? longSize ?? archiveSize ?? header.Length : 0;
                    entry = new TarEntry(path, first, position, size, header.Type is '0' or '\0' or '7' && !path.EndsWith('/'));
                    Skip(at, size);
                    return true;
            }
        }
    }

    private bool TryReadHeader(long at, out TarHeader header)
    {
        if (length == 0)
        {
            Fail<bool>(0, "the file is empty (0 bytes).");
        }

        header = default;
        if (length - at < TarHeader.Size)
        {
            Fail<bool>(at, length == at
                ? "the archive has no end mark: it is truncated, or was not closed by its writer."
                : "the archive is truncated within a header.");
        }

        stream.Position = at;
        stream.ReadExactly(block);
        position = at + TarHeader.Size;
        if (TarHeader.TryParse(block, out header, out string? problem))
        {
            return true;
        }

        if (problem is not null)
        {
            Fail<bool>(at, problem);
        }

        CheckEnd();
        return false;
    }

    // After the end mark only zeros may come: samples behind it would be passed over in silence.
    private void CheckEnd()
    {
        for (long at = position; at < length; at += TarHeader.Size)
        {
            Span<byte> piece = block.AsSpan(0, (int)Math.Min(TarHeader.Size, length - at));
            stream.ReadExactly(piece);
            if (piece.ContainsAnyExcept((byte)0))
            {
                Fail<bool>(at, "data follow the end mark: the archive is damaged, or was joined with cat. Join archives with tar --concatenate.");
            }
        }
    }

    private byte[] ReadData(long at, long size)
    {
        if (size > MostExtended)
        {
            Fail<bool>(at, $"an extended header claims {size} bytes, more than the {MostExtended} that are allowed.");
        }

        long start = position;
        Skip(at, size);
        byte[] data = new byte[size];
        stream.Position = start;
        stream.ReadExactly(data);
        return data;
    }

    private void Skip(long at, long size)
    {
        long padded = size > long.MaxValue - TarHeader.Size ? long.MaxValue : (size + TarHeader.Size - 1) / TarHeader.Size * TarHeader.Size;
        if (padded > length - position)
        {
            Fail<bool>(at, $"an entry claims {size} bytes, but {length - position} follow: the archive is truncated or damaged.");
        }

        position += padded;
    }

    // Records "LENGTH KEY=VALUE\n", the length counting all of it in bytes; values of other keys may be no text.
    private (string? Name, long? Size) Pax(long at, ReadOnlySpan<byte> rest, string? path, long? size)
    {
        while (rest.Length > 0 && rest[0] != 0)
        {
            int space = rest.IndexOf((byte)' ');
            if (space is < 1 or > 6 || !int.TryParse(rest[..space], NumberStyles.None, CultureInfo.InvariantCulture, out int recordLength) || recordLength <= space + 1 || recordLength > rest.Length
                || rest[recordLength - 1] != '\n')
            {
                Fail<bool>(at, "an extended header is no list of PAX records.");
                break;
            }

            string record = Encoding.UTF8.GetString(rest[(space + 1)..(recordLength - 1)]);
            rest = rest[recordLength..];
            int equals = record.IndexOf('=', StringComparison.Ordinal);
            string key = equals < 0 ? record : record[..equals];
            string value = record[(equals + 1)..];
            if (key == "path")
            {
                path = value;
            }
            else if (key == "size")
            {
                size = long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long claimed) ? claimed : Fail<long>(at, $"an extended header gives the size '{value}'.");
            }
            else if (key.StartsWith("GNU.sparse", StringComparison.Ordinal))
            {
                Fail<bool>(at, "it holds a sparse file. Write the archive anew with plain files.");
            }
        }

        return (path, size);
    }

    [DoesNotReturn]
    private T Fail<T>(long at, string problem) => throw new ImageDataException(name, $"at byte {at}: {problem}");
}

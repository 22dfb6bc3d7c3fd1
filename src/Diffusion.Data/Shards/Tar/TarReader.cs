using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Diffusion.Data;

/// <summary>
/// Reads the headers of an untrusted tar archive (USTAR, GNU or PAX): checksums are verified, sizes must lie within the file, extended
/// headers have at most 64 KiB, and an archive without an end marker, or with data after it, is damaged. The data between the headers is
/// not read.
/// </summary>
/// <param name="stream">The archive: a seekable stream, which is not disposed.</param>
/// <param name="name">The archive as errors show it.</param>
internal sealed class TarReader(Stream stream, string name)
{
    private const int MaxExtended = 64 * 1024;
    private const int MaxName = 4096;

    private readonly byte[] block = new byte[TarHeader.Size];
    private readonly long length = stream.Length;
    private Extended ofArchive;
    private long position;

    /// <summary>Reads the next entry; false at the end marker.</summary>
    /// <exception cref="ImageDataException">The archive is damaged or truncated; the message says at which byte.</exception>
    public bool TryReadNext(out TarEntry entry)
    {
        entry = default;
        long first = position;
        Extended extended = default;
        while (true)
        {
            long at = position;
            if (!TryReadHeader(at, out TarHeader header))
            {
                return first == at ? false : Fail<bool>(at, "the archive ends after an extended header; its entry is missing.");
            }

            switch (header.Type)
            {
                case 'L':
                    extended = extended with { Name = TarText.Decode(ReadData(at, header.Length)) };
                    break;
                case 'K':
                    extended = extended with { Target = TarText.Decode(ReadData(at, header.Length)) };
                    break;
                case 'x' or 'X':
                    extended = Pax(at, ReadData(at, header.Length), extended);
                    break;
                case 'g':
                    ofArchive = Pax(at, ReadData(at, header.Length), ofArchive);
                    break;
                case 'V' or 'A' or 'E' or 'I' or 'N':
                    Skip(at, header.Length); // volume names, access lists, attributes and old indexes are not files
                    break;
                case 'S' or 'M':
                    Fail<bool>(at,
                        $"it contains an entry of GNU's type '{header.Type}' (sparse or multi-volume). "
                        + "Write the archive again with plain files.");
                    break;
                default:
                    entry = Entry(first, at, header, extended);
                    Skip(at, Math.Max(entry.Size, header.Type == 'D' ? header.Length : 0));
                    return true;
            }
        }
    }

    private TarEntry Entry(long first, long at, TarHeader header, Extended extended)
    {
        string path = extended.Name ?? ofArchive.Name ?? header.Name;
        string target = extended.Target ?? ofArchive.Target ?? header.Target;
        if (Encoding.UTF8.GetByteCount(path) > MaxName || Encoding.UTF8.GetByteCount(target) > MaxName)
        {
            Fail<bool>(at, $"a path has more than {MaxName} bytes.");
        }

        long size = extended.Size ?? ofArchive.Size ?? header.Length;
        TarKind kind = header.Type switch
        {
            '1' => size > 0 && !IsHeaderNext() ? TarKind.File : TarKind.HardLink, // POSIX allows a hard link with data
            '2' => TarKind.SymbolicLink,
            '3' or '4' or '6' => TarKind.Device,
            '5' or 'D' => TarKind.Folder,
            _ => path.EndsWith('/') ? TarKind.Folder : TarKind.File, // by POSIX, other types are read as files
        };

        // Links, devices and folders have no data, whatever their size field says.
        bool isLink = kind is TarKind.HardLink or TarKind.SymbolicLink;
        bool hasBytes = kind == TarKind.File || (kind == TarKind.Folder && header.Type is not ('5' or 'D'));
        return new TarEntry(path, first, position, hasBytes ? size : 0, kind, isLink ? target : string.Empty);
    }

    // Whether a header or the end marker follows where the data of an entry would begin.
    private bool IsHeaderNext()
    {
        if (length - position < TarHeader.Size)
        {
            return true;
        }

        stream.Position = position;
        stream.ReadExactly(block);
        return TarHeader.TryParse(block, out _, out string? problem) || problem is null;
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
                ? "the archive has no end marker: it is truncated, or its writer was not closed."
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

    // Only zeros may follow the end marker: samples after it would be ignored silently.
    private void CheckEnd()
    {
        for (long at = position; at < length; at += TarHeader.Size)
        {
            Span<byte> piece = block.AsSpan(0, (int)Math.Min(TarHeader.Size, length - at));
            stream.ReadExactly(piece);
            if (piece.ContainsAnyExcept((byte)0))
            {
                Fail<bool>(at,
                    "data follows the end marker: the archive is damaged, or was joined with cat. Join archives with tar --concatenate.");
            }
        }
    }

    private byte[] ReadData(long at, long size)
    {
        if (size > MaxExtended)
        {
            Fail<bool>(at, $"an extended header claims {size} bytes, more than the maximum of {MaxExtended}.");
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

    // Records "LENGTH KEY=VALUE\n", where LENGTH is the size of the record in bytes; values of other keys may be binary.
    private Extended Pax(long at, ReadOnlySpan<byte> rest, Extended known)
    {
        while (rest.Length > 0 && rest[0] != 0)
        {
            int space = rest.IndexOf((byte)' ');
            if (space is < 1 or > 6 || !int.TryParse(rest[..space], NumberStyles.None, CultureInfo.InvariantCulture, out int recordLength)
                || recordLength <= space + 1 || recordLength > rest.Length || rest[recordLength - 1] != '\n')
            {
                Fail<bool>(at, "an extended header is not a list of PAX records.");
                break;
            }

            ReadOnlySpan<byte> record = rest[(space + 1)..(recordLength - 1)];
            rest = rest[recordLength..];
            int equals = Math.Max(record.IndexOf((byte)'='), 0);
            ReadOnlySpan<byte> value = record[Math.Min(equals + 1, record.Length)..];
            known = Encoding.UTF8.GetString(record[..equals]) switch
            {
                "path" => known with { Name = TarText.Decode(value) },
                "linkpath" => known with { Target = TarText.Decode(value) },
                "size" => known with { Size = SizeIn(at, TarText.Decode(value)) },
                string key when key.StartsWith("GNU.sparse", StringComparison.Ordinal) =>
                    Fail<Extended>(at, "it contains a sparse file. Write the archive again with plain files."),
                _ => known,
            };
        }

        return known;
    }

    private long SizeIn(long at, string value) => long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long claimed)
        ? claimed
        : Fail<long>(at, $"an extended header has the invalid size '{value}'.");

    [DoesNotReturn]
    private T Fail<T>(long at, string problem) => throw new ImageDataException(name, $"at byte {at}: {problem}");

    private readonly record struct Extended(string? Name, string? Target, long? Size);
}

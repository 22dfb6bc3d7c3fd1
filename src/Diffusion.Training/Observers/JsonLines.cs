using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Win32.SafeHandles;

namespace Diffusion.Training;

/// <summary>
/// A file with one JSON object per line. Each line is flushed at once. An incomplete last line, left by a full disk, a killed process or a
/// power failure, is cut off before the next line is written.
/// </summary>
/// <param name="path">The path of the file, which is created with its first line.</param>
/// <param name="type">The JSON serializer of the objects.</param>
internal sealed class JsonLines<T>(string path, JsonTypeInfo<T> type)
    where T : class
{
    private const int PieceBytes = 1 << 12;

    /// <summary>Appends one line, completely or not at all.</summary>
    public void Add(T value)
    {
        byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(value, type), (byte)'\n'];
        using SafeFileHandle file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        long end = RandomAccess.GetLength(file);
        long lastLine = LastLineAt(file, end);
        if (lastLine < end)
        {
            // A complete last line without a line break was written by another program. Keep it.
            bool isWhole = end - lastLine <= int.MaxValue && Parse(TextAt(file, lastLine, (int)(end - lastLine))) is not null;
            (end, line) = isWhole ? (end, [(byte)'\n', .. line]) : (lastLine, line);
        }

        AtomicAppend.Write(file, line, end, path);
    }

    /// <summary>Reads the complete lines.</summary>
    public IEnumerable<T> Read()
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using StreamReader reader = new(file);
        while (reader.ReadLine() is { } line)
        {
            if (Parse(line) is { } value)
            {
                yield return value;
            }
        }
    }

    /// <summary>Deletes lines, including incomplete ones. The file is replaced atomically.</summary>
    /// <param name="keep">Selects the lines to keep.</param>
    public void Keep(Func<T, bool> keep)
    {
        if (!File.Exists(path))
        {
            return;
        }

        // If the file is a link, replace its target and keep the link.
        string target = File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
        AtomicFile.Write(target, length: 0, file =>
        {
            using StreamWriter writer = new(file, leaveOpen: true);
            foreach (string line in File.ReadLines(path).Where(line => Parse(line) is { } value && keep(value)))
            {
                writer.WriteLine(line);
            }
        });
    }

    // The position after the last line break.
    private static long LastLineAt(SafeFileHandle file, long end)
    {
        Span<byte> piece = stackalloc byte[PieceBytes];
        while (end > 0)
        {
            int count = (int)Math.Min(piece.Length, end);
            int read = RandomAccess.Read(file, piece[..count], end - count);
            int place = piece[..read].LastIndexOf((byte)'\n');
            if (place >= 0)
            {
                return end - count + place + 1;
            }

            end -= count;
        }

        return 0;
    }

    private static string TextAt(SafeFileHandle file, long at, int length)
    {
        byte[] bytes = new byte[length];
        int read = RandomAccess.Read(file, bytes, at);
        return Encoding.UTF8.GetString(bytes, 0, read);
    }

    private T? Parse(string line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, type);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

using System.Text.Json;
using Diffusion.Training;

namespace Diffusion.Reporting;

/// <summary>
/// The reports of a run, which may still be training: at most a few thousand of them, evenly spaced, but every held-out loss and every
/// finding. Each refresh reads only what was added to <c>metrics.jsonl</c>.
/// </summary>
/// <param name="folder">The folder of the run.</param>
internal sealed class RunMetrics(string folder)
{
    private const int MaxPoints = 4000;
    private const int PieceBytes = 1 << 20;
    private const int MinEndBytes = 1 << 14;
    private const int TailBytes = 64;

    private readonly string path = Path.Combine(folder, MetricsFile.FileName);
    private readonly List<RunPoint> points = [];
    private readonly List<LossPoint> heldOut = [];
    private readonly List<HealthFinding> findings = [];
    private byte[] tail = [];
    private long position;
    private long lines;
    private long every = 1;

    /// <summary>Evenly spaced reports, by step.</summary>
    public IReadOnlyList<RunPoint> Points => points;

    /// <summary>All held-out losses, by step.</summary>
    public IReadOnlyList<LossPoint> HeldOut => heldOut;

    /// <summary>All findings of reports, by step.</summary>
    public IReadOnlyList<HealthFinding> Findings => findings;

    /// <summary>The newest report; null before the first one.</summary>
    public RunPoint? Last { get; private set; }

    /// <summary>Reads the newest report only.</summary>
    /// <param name="folder">The folder of the run.</param>
    /// <returns>The report; null if there is none.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static RunPoint? ReadLast(string folder)
    {
        string metrics = Path.Combine(folder, MetricsFile.FileName);
        if (!File.Exists(metrics))
        {
            return null;
        }

        using FileStream file = Open(metrics);
        long length = file.Length;
        for (int count = MinEndBytes; ; count *= 2)
        {
            file.Position = Math.Max(0, length - count);
            byte[] bytes = new byte[length - file.Position];
            bool isWhole = file.Position == 0;
            if (LastIn(bytes.AsSpan(0, file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false))) is { } point)
            {
                return point;
            }

            if (isWhole || count >= PieceBytes)
            {
                return null;
            }
        }
    }

    /// <summary>Reads the reports that were added, or all of them if the file was cut, as when a run resumes.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public void Refresh()
    {
        if (!File.Exists(path))
        {
            Reset();
            return;
        }

        using FileStream file = Open(path);
        if (!Continues(file))
        {
            Reset();
        }

        file.Position = position;
        byte[] buffer = new byte[PieceBytes];
        int kept = 0; // the start of a line whose end was not read yet
        while (true)
        {
            if (kept == buffer.Length)
            {
                Array.Resize(ref buffer, 2 * buffer.Length);
            }

            int read = file.Read(buffer, kept, buffer.Length - kept);
            if (read == 0)
            {
                return;
            }

            int used = TakeLines(buffer.AsSpan(0, kept + read), file.Length);
            kept += read - used;
            buffer.AsSpan(used, kept).CopyTo(buffer);
        }
    }

    private static RunPoint? LastIn(ReadOnlySpan<byte> text)
    {
        while (text.LastIndexOf((byte)'\n') is >= 0 and int end)
        {
            text = text[..end];
            if (Parse(text[(text.LastIndexOf((byte)'\n') + 1)..]) is { } point)
            {
                return point;
            }
        }

        return null;
    }

    private static FileStream Open(string metrics) =>
        new(metrics, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);

    // A resumed run replaces the file by one that ends earlier. It may have grown beyond the old end since.
    private bool Continues(FileStream file)
    {
        if (file.Length < position)
        {
            return false;
        }

        byte[] now = new byte[tail.Length];
        file.Position = position - tail.Length;
        file.ReadExactly(now);
        return now.AsSpan().SequenceEqual(tail);
    }

    private void Reset()
    {
        points.Clear();
        heldOut.Clear();
        findings.Clear();
        (tail, position, lines, every, Last) = ([], 0, 0, 1, null);
    }

    // Returns the number of bytes in complete lines.
    private int TakeLines(ReadOnlySpan<byte> text, long fileBytes)
    {
        int used = 0;
        while (text[used..].IndexOf((byte)'\n') is >= 0 and int length)
        {
            ReadOnlySpan<byte> line = text.Slice(used, length);
            used += length + 1;
            position += length + 1;
            if (lines == 0)
            {
                every = Math.Max(1, fileBytes / (length + 1) / MaxPoints);
            }

            Take(line, isLast: position >= fileBytes);
        }

        if (used > 0)
        {
            tail = text[Math.Max(0, used - TailBytes)..used].ToArray();
        }

        return used;
    }

    private void Take(ReadOnlySpan<byte> line, bool isLast)
    {
        bool isSpaced = lines % every == 0;
        bool isSpecial = line.IndexOf("\"heldOutLoss\":null"u8) < 0 || line.IndexOf("\"findings\":[]"u8) < 0;
        lines++;
        if (!(isSpaced || isSpecial || isLast) || Parse(line) is not { } point)
        {
            return;
        }

        Last = point;
        findings.AddRange(point.Findings);
        if (point.HeldOutLoss is { } loss)
        {
            heldOut.Add(new LossPoint(point.HeldOutLossStep ?? point.Step, loss));
        }

        if (!isSpaced)
        {
            return;
        }

        points.Add(point);
        if (points.Count > MaxPoints)
        {
            int index = 0;
            points.RemoveAll(_ => index++ % 2 == 1);
            every *= 2;
        }
    }

    private static RunPoint? Parse(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, RunPointJson.Default.RunPoint);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using Google.Protobuf;
using Microsoft.Win32.SafeHandles;
using Tensorboard;

namespace Diffusion.Training;

/// <summary>
/// An event file of TensorBoard: TFRecords, each with its length and two checksums (CRC32C). TensorBoard stops reading at the first damaged
/// record, so records are written completely or not at all, and each run creates a new file.
/// https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto
/// </summary>
internal sealed class EventFile
{
    private const string Prefix = "events.out.tfevents.";
    private const string Version = "brain.Event:2"; // The first version with which TensorBoard respects the START of a session.
    private const int LengthBytes = 8;
    private const int ChecksumBytes = 4;

    private readonly TimeProvider time;
    private readonly string path;
    private long end;

    /// <summary>Creates a file.</summary>
    /// <param name="folder">The folder. It must exist.</param>
    /// <param name="time">The clock of the events.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public EventFile(string folder, TimeProvider time)
    {
        this.time = time;
        path = NewPath(folder, (long)Seconds);
        using (File.Open(path, FileMode.CreateNew))
        {
            // This reserves the name.
        }

        Append([new Event { FileVersion = Version }]);
    }

    private double Seconds => (time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds;

    /// <summary>Appends all events or none, with the current time.</summary>
    /// <exception cref="IOException">The events cannot be written.</exception>
    public void Append(IEnumerable<Event> events)
    {
        double now = Seconds;
        using MemoryStream records = new();
        foreach (Event one in events)
        {
            one.WallTime = now;
            Write(records, one.ToByteArray());
        }

        ReadOnlySpan<byte> bytes = records.GetBuffer().AsSpan(0, (int)records.Length);
        using SafeFileHandle file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite,
            FileShare.ReadWrite | FileShare.Delete);
        AtomicAppend.Write(file, bytes, end, path);
        end += bytes.Length;
    }

    // TensorBoard reads the files of a folder in the order of their names, which start with a time in seconds. A new file must sort last.
    private static string NewPath(string folder, long seconds)
    {
        long last = Directory.GetFiles(folder, Prefix + "*")
            .Select(file => Path.GetFileName(file)[Prefix.Length..].Split('.')[0])
            .Select(text => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : 0)
            .Append(0).Max();
        string name = string.Create(
            CultureInfo.InvariantCulture,
                $"{Prefix}{Math.Max(seconds, last + 1):D10}.{Environment.MachineName}.{Environment.ProcessId}."
                    + $"{Guid.NewGuid().ToString("N")[..8]}");
        return Path.Combine(folder, name);
    }

    private static void Write(MemoryStream records, byte[] data)
    {
        Span<byte> head = stackalloc byte[LengthBytes + ChecksumBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(head, (ulong)data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(head[LengthBytes..], MaskedChecksum(head[..LengthBytes]));
        Span<byte> tail = stackalloc byte[ChecksumBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(tail, MaskedChecksum(data));
        records.Write(head);
        records.Write(data);
        records.Write(tail);
    }

    // TFRecord masks checksums, because the CRC of data that contains CRCs is weak.
    private static uint MaskedChecksum(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        foreach (byte one in data)
        {
            crc = BitOperations.Crc32C(crc, one);
        }

        return BitOperations.RotateRight(~crc, 15) + 0xa282ead8;
    }
}

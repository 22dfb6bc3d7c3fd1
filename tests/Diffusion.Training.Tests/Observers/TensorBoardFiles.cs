using System.Buffers.Binary;
using Tensorboard;

namespace Diffusion.Training.Tests.Observers;

/// <summary>
/// Reads a folder of events as TensorBoard does: the files in the order of their names, each up to its first torn record.
/// </summary>
internal static class TensorBoardFiles
{
    /// <summary>Every event, in order.</summary>
    public static IReadOnlyList<Event> Read(string folder) =>
        [.. Directory.GetFiles(folder, "*tfevents*").Order(StringComparer.Ordinal).SelectMany(file => Records(File.ReadAllBytes(file)))
            .Select(Event.Parser.ParseFrom)];

    /// <summary>
    /// The steps and values of a tag that TensorBoard shows: what a session resumes from drops what was reported from there on.
    /// </summary>
    public static IReadOnlyList<(long Step, float Value)> Shown(string folder, string tag)
    {
        List<(long Step, float Value)> shown = [];
        foreach (Event one in Read(folder))
        {
            if (one.SessionLog is { Status: SessionLog.Types.SessionStatus.Start })
            {
                shown.RemoveAll(point => point.Step >= one.Step);
            }

            shown.AddRange((one.Summary?.Value ?? []).Where(value => value.Tag == tag).Select(value => (one.Step, value.SimpleValue)));
        }

        return shown;
    }

    private static IEnumerable<byte[]> Records(byte[] file)
    {
        int at = 0;
        while (at + 12 <= file.Length)
        {
            ReadOnlySpan<byte> head = file.AsSpan(at, 12);
            long length = BinaryPrimitives.ReadInt64LittleEndian(head);
            if (Masked(head[..8]) != BinaryPrimitives.ReadUInt32LittleEndian(head[8..]) || at + 16 + length > file.Length)
            {
                yield break;
            }

            byte[] data = file[(at + 12)..(at + 12 + (int)length)];
            at += 16 + (int)length;
            if (Masked(data) != BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at - 4)))
            {
                yield break;
            }

            yield return data;
        }
    }

    // CRC32C bit by bit (polynomial 0x1EDC6F41, reflected), masked as TFRecord says.
    private static uint Masked(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        foreach (byte one in data)
        {
            crc ^= one;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) * 0x82F63B78);
            }
        }

        crc = ~crc;
        return ((crc >> 15) | (crc << 17)) + 0xa282ead8;
    }
}

using System.Buffers.Binary;
using System.Text;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>What processes tell each other beside their tensors. Lengths and numbers are little endian.</summary>
internal readonly record struct ControlMessage(ControlMessage.Kind Type, ReadOnlyMemory<byte> Payload)
{
    private const int CallBytes = 33;

    /// <summary>The kinds of messages.</summary>
    public enum Kind : byte
    {
        Hello,
        Welcome,
        Beat,
        Start,
        Late,
        Leave,
        Failure,
        Closed,
    }

    /// <summary>The payload as text.</summary>
    public string Text => Encoding.UTF8.GetString(Payload.Span);

    public static ControlMessage Of(Kind type, string text) => new(type, Encoding.UTF8.GetBytes(text));

    /// <summary>A heartbeat: the step, and how many operations have started.</summary>
    public static ControlMessage Beat(Kind type, long operations, long step)
    {
        byte[] payload = new byte[2 * sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(payload, operations);
        BinaryPrimitives.WriteInt64LittleEndian(payload.AsSpan(sizeof(long)), step);
        return new ControlMessage(type, payload);
    }

    /// <summary>An operation starts.</summary>
    public static ControlMessage Start(long number, long step, CollectiveCall call)
    {
        byte[] payload = new byte[CallBytes];
        BinaryPrimitives.WriteInt64LittleEndian(payload, number);
        BinaryPrimitives.WriteInt64LittleEndian(payload.AsSpan(8), step);
        BinaryPrimitives.WriteInt64LittleEndian(payload.AsSpan(16), call.Count);
        BinaryPrimitives.WriteInt32LittleEndian(payload.AsSpan(24), call.Root);
        payload[28] = (byte)call.Kind;
        payload[29] = (byte)call.Reduction;
        payload[30] = call.Type is null ? (byte)0 : (byte)1;
        payload[31] = (byte)call.Type.GetValueOrDefault();
        return new ControlMessage(Kind.Start, payload);
    }

    /// <summary>The numbers of a heartbeat.</summary>
    public (long Operations, long Step) ReadBeat() =>
        (BinaryPrimitives.ReadInt64LittleEndian(Payload.Span), BinaryPrimitives.ReadInt64LittleEndian(Payload.Span[8..]));

    /// <summary>The operation that starts.</summary>
    public (long Number, long Step, CollectiveCall Call) ReadStart()
    {
        ReadOnlySpan<byte> bytes = Payload.Span;
        ScalarType? type = bytes[30] == 0 ? null : (ScalarType)bytes[31];
        CollectiveCall call = new(
            (CollectiveKind)bytes[28], type, BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]), (ReduceOperation)bytes[29],
            BinaryPrimitives.ReadInt32LittleEndian(bytes[24..]));
        return (BinaryPrimitives.ReadInt64LittleEndian(bytes), BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]), call);
    }
}

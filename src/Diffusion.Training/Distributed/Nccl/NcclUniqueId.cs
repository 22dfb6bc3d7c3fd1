using System.Runtime.InteropServices;

namespace Diffusion.Training;

/// <summary>What rank 0 gives to all processes so that NCCL connects them: <c>ncclUniqueId</c>, 128 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NcclUniqueId
{
    /// <summary>Its size.</summary>
    public const int Size = 128;

    private fixed byte bytes[Size];

    /// <summary>Reads the id that rank 0 sent.</summary>
    public static NcclUniqueId Read(ReadOnlySpan<byte> sent) => MemoryMarshal.Read<NcclUniqueId>(sent);

    /// <summary>The bytes to send.</summary>
    public readonly byte[] ToArray()
    {
        byte[] sent = new byte[Size];
        MemoryMarshal.Write(sent, this);
        return sent;
    }
}

using System.Runtime.InteropServices;

namespace Diffusion.Training;

/// <summary><c>ncclConfig_t</c> as NCCL 2.17 has it. Later versions read its size and use their defaults for the rest.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NcclConfig
{
    private const uint MagicNumber = 0xcafebeef;
    private const uint Layout = 21700;
    private const int Undefined = int.MinValue;

    public nuint Size;
    public uint Magic;
    public uint Version;
    public int Blocking;
    public int CgaClusterSize;
    public int MinCtas;
    public int MaxCtas;
    public nint NetName;

    /// <summary>Calls return at once, and <c>ncclCommGetAsyncError</c> tells when they are done.</summary>
    public static NcclConfig NonBlocking => new()
    {
        Size = (nuint)sizeof(NcclConfig), Magic = MagicNumber, Version = Layout, Blocking = 0,
        CgaClusterSize = Undefined, MinCtas = Undefined, MaxCtas = Undefined,
    };
}

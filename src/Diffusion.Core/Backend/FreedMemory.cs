using System.Runtime.InteropServices;

namespace Diffusion;

/// <summary>
/// Has glibc keep the memory that libtorch frees. By default it returns blocks of megabytes to Linux at once, and the next operation pays
/// for every page of them again.
/// </summary>
internal static unsafe class FreedMemory
{
    // Of malloc.h. Larger blocks than the largest possible limit are still mapped and unmapped one by one.
    private const int MaxFast = 1;
    private const int TrimThreshold = -1;
    private const int TopPad = -2;
    private const int MmapThreshold = -3;
    private const int MaxMmapThreshold = 32 * 1024 * 1024;
    private const int Heap = 64 * 1024 * 1024;

    private static readonly string[] Choices =
        ["MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_MMAP_MAX_", "GLIBC_TUNABLES"];

    /// <summary>Sets it for this process, unless the user set one of glibc's variables. Elsewhere than on glibc nothing is done.</summary>
    public static void Keep()
    {
        bool isChosen = Choices.Any(choice => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(choice)));
        if (isChosen || !OperatingSystem.IsLinux()
            || !NativeLibrary.TryLoad("libc.so.6", out nint library)
            || !NativeLibrary.TryGetExport(library, "mallopt", out nint address))
        {
            return;
        }

        delegate* unmanaged<int, int, int> mallopt = (delegate* unmanaged<int, int, int>)address;
        mallopt(MmapThreshold, MaxMmapThreshold);
        mallopt(TrimThreshold, int.MaxValue);
        mallopt(MaxFast, 0); // Each free of a large block would search the lists of small ones.
        mallopt(TopPad, Heap); // Heaps of threads other than the main one are kept, too.
    }
}

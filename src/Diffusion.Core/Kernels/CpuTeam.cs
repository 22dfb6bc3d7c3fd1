using System.Runtime.InteropServices;
using TorchSharp;

namespace Diffusion;

/// <summary>
/// Runs a loop on the threads that libtorch's own operators use. A second set of threads would compete for the cores with libtorch's,
/// which wait for their next operation in a busy loop.
/// </summary>
internal static unsafe class CpuTeam
{
    // libtorch's OpenMP starts an operator's threads by this call; null where it has another OpenMP (Windows, macOS).
    private static readonly delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void> Fork = FindFork();

    /// <summary>Calls the body once for each number below the count, in any order, from several threads; it must not throw.</summary>
    public static void Run(int count, Action<int> body)
    {
        Loop loop = new(count, body);
        if (count == 1 || torch.get_num_threads() == 1)
        {
            loop.Work();
        }
        else if (Fork is null)
        {
            Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = torch.get_num_threads() }, body);
        }
        else
        {
            GCHandle handle = GCHandle.Alloc(loop);
            Fork(&Work, (void*)GCHandle.ToIntPtr(handle), 0, 0);
            handle.Free();
        }
    }

    [UnmanagedCallersOnly]
    private static void Work(void* loop) => ((Loop)GCHandle.FromIntPtr((nint)loop).Target!).Work();

    private static delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void> FindFork()
    {
        // Searching from libtorch finds the OpenMP that libtorch uses, even where the process holds several.
        string path = Path.Combine(TorchBackend.Folder, NativeSearch.FileName("torch_cpu"));
        return (delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void>)(
            NativeLibrary.TryLoad(path, out nint library) && NativeLibrary.TryGetExport(library, "GOMP_parallel", out nint address)
                ? address
                : 0);
    }

    private sealed class Loop(int count, Action<int> body)
    {
        private int taken;

        public void Work()
        {
            for (int i = Interlocked.Increment(ref taken) - 1; i < count; i = Interlocked.Increment(ref taken) - 1)
            {
                body(i);
            }
        }
    }
}

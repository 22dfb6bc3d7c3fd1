using TorchSharp;

namespace Diffusion;

/// <summary>
/// Finds, repairs where needed, and loads libtorch, before TorchSharp's first use of it. Every entry point of this library calls
/// <see cref="EnsureLoaded"/>; a program that uses TorchSharp before them calls it first itself.
/// </summary>
/// <remarks>
/// libtorch comes from the backend package of the application (<c>TorchSharp-cpu</c>, <c>TorchSharp-cuda-linux</c>,
/// <c>TorchSharp-cuda-windows</c>) or, where the application contains none, from the folder named in the environment variable
/// <c>DIFFUSION_LIBTORCH</c>, for instance a Python installation's <c>torch/lib</c>, CUDA included.
/// </remarks>
public static class TorchBackend
{
    /// <summary>The environment variable that names a folder with libtorch: <c>DIFFUSION_LIBTORCH</c>.</summary>
    public const string FolderVariable = "DIFFUSION_LIBTORCH";

    private static readonly Lock Gate = new();
    private static volatile string? loadedFrom;

    /// <summary>The folder that libtorch was loaded from. Loads it if that has not happened yet.</summary>
    /// <exception cref="NativeBackendException">libtorch cannot be loaded.</exception>
    public static string Folder
    {
        get
        {
            EnsureLoaded();
            return loadedFrom!;
        }
    }

    /// <summary>
    /// What is wrong with libtorch on this machine and makes it slower; null when nothing is, or before it was loaded. Known: wrong
    /// convolutions of oneDNN, which is then switched off, so that training on the CPU is slower, but right.
    /// </summary>
    public static string? Warning { get; private set; }

    /// <summary>
    /// Loads libtorch once; later calls return at once. Safe from several threads, and from several processes at a time. libtorch then uses
    /// no more CPU threads than the cores available to the process (a container's quota counts), unless <c>OMP_NUM_THREADS</c> or
    /// <c>MKL_NUM_THREADS</c> says otherwise. On Linux with glibc the process keeps the memory that libtorch frees, for reuse,
    /// unless one of glibc's variables is set: <c>MALLOC_TRIM_THRESHOLD_</c>, <c>MALLOC_MMAP_THRESHOLD_</c> and their kind.
    /// </summary>
    /// <exception cref="NativeBackendException">
    /// libtorch is missing, is there twice, does not load, or convolves wrongly; the message names the cause and the remedy.
    /// </exception>
    public static void EnsureLoaded()
    {
        if (loadedFrom is not null)
        {
            return;
        }

        lock (Gate)
        {
            if (loadedFrom is null)
            {
                string folder = NativeLibraries.Load();
                CpuQuota.Heed();
                FreedMemory.Keep();
                OneDnnCaches.Correct(folder);
                Warning = ConvolutionCheck.Run(folder);
                loadedFrom = folder;
            }
        }
    }
}

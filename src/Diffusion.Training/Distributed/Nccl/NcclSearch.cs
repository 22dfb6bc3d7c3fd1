using System.Runtime.InteropServices;

namespace Diffusion.Training;

/// <summary>Finds NCCL: in the process or the system, in the Python installation that libtorch comes from, or inside libtorch.</summary>
internal static class NcclSearch
{
    /// <summary>How to install NCCL.</summary>
    public const string Install = "apt-get install libnccl2 (from NVIDIA's repository), or pip install nvidia-nccl-cu12";

    private const string FileName = "libnccl.so.2";
    private const int Now = 0x2; // RTLD_NOW, and RTLD_LOCAL: a second copy of NCCL must not mix with the first

    /// <summary>Loads NCCL.</summary>
    /// <exception cref="DistributedException">It is not installed, or too old.</exception>
    public static NcclLibrary Load() => Load(TorchBackend.Folder, name => NativeEnvironment.Load(name, Now));

    /// <summary>Loads NCCL.</summary>
    /// <param name="torchFolder">The folder of libtorch.</param>
    /// <param name="load">Loads a library by its name or path; 0 if it cannot.</param>
    /// <exception cref="DistributedException">It is not installed, or too old.</exception>
    internal static NcclLibrary Load(string torchFolder, Func<string, nint> load)
    {
        string[] places =
        [
            FileName,
            Path.GetFullPath(Path.Combine(torchFolder, "..", "..", "nvidia", "nccl", "lib", FileName)),
            Path.Combine(torchFolder, "libtorch_cuda.so"),
        ];
        foreach (string place in places)
        {
            nint library = load(place);
            if (library != 0 && NativeLibrary.TryGetExport(library, "ncclAllReduce", out _))
            {
                return new NcclLibrary(name => NativeLibrary.TryGetExport(library, name, out nint address) ? address : 0);
            }
        }

        throw new DistributedException(
            $"NCCL was not found in {string.Join(", ", places)}. Install it: {Install}.");
    }
}

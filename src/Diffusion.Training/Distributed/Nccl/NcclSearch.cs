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
    public static NcclLibrary Load() => Load(TorchBackend.Folder, Open);

    /// <summary>Loads the first library that is new enough.</summary>
    /// <param name="torchFolder">The folder of libtorch.</param>
    /// <param name="open">
    /// Loads a library by its name or path, and returns the addresses of its functions, 0 for one that is missing; null if it cannot.
    /// </param>
    /// <exception cref="DistributedException">It is not installed, or too old.</exception>
    internal static NcclLibrary Load(string torchFolder, Func<string, Func<string, nint>?> open)
    {
        string[] places =
        [
            FileName,
            Path.GetFullPath(Path.Combine(torchFolder, "..", "..", "nvidia", "nccl", "lib", FileName)),
            Path.Combine(torchFolder, "libtorch_cuda.so"),
        ];
        DistributedException? misfit = null;
        foreach (string place in places)
        {
            if (open(place) is not { } symbol || symbol("ncclAllReduce") == 0)
            {
                continue;
            }

            try
            {
                return new NcclLibrary(symbol);
            }
            catch (DistributedException error)
            {
                misfit ??= new DistributedException($"{place}: {error.Message}", error);
            }
        }

        throw misfit ?? new DistributedException(
            $"NCCL was not found in {string.Join(", ", places)}. Install it: {Install}.");
    }

    private static Func<string, nint>? Open(string place)
    {
        nint library = NativeEnvironment.Load(place, Now);
        if (library == 0)
        {
            return null;
        }

        return name => NativeLibrary.TryGetExport(library, name, out nint address) ? address : 0;
    }
}

using System.Runtime.InteropServices;

namespace Diffusion;

/// <summary>
/// Switches of the libraries that convolve for libtorch. TorchSharp does not have them; libtorch's own are C++ functions.
/// </summary>
internal static unsafe class ConvolutionLibraries
{
    /// <summary>at::globalContext(), which libtorch exports.</summary>
    public const string Context = "_ZN2at13globalContextEv";

    private const string EnableOneDnn = "_ZN2at7Context20setUserEnabledMkldnnEb"; // at::Context::setUserEnabledMkldnn(bool)
    private const string EnableNnpack = "_ZN2at7Context20setUserEnabledNNPACKEb"; // at::Context::setUserEnabledNNPACK(bool)
    private const string Benchmark = "_ZN2at7Context17setBenchmarkCuDNNEb"; // at::Context::setBenchmarkCuDNN(bool)

    /// <summary>Switches oneDNN off: libtorch convolves by products of matrices, or by NNPACK.</summary>
    /// <param name="libtorchFolder">The folder of the libtorch that is loaded.</param>
    /// <returns>False where this libtorch has no such function.</returns>
    public static bool SwitchOneDnnOff(string libtorchFolder) => Set(libtorchFolder, EnableOneDnn, isOn: false);

    /// <summary>
    /// Switches NNPACK off, with which libtorch convolves single small images. On a processor whose caches it cannot find out it does
    /// nothing but write a warning to the console, at each convolution.
    /// </summary>
    /// <param name="libtorchFolder">The folder of the libtorch that is loaded.</param>
    /// <returns>False where this libtorch has no such function.</returns>
    public static bool SwitchNnpackOff(string libtorchFolder) => Set(libtorchFolder, EnableNnpack, isOn: false);

    /// <summary>
    /// Sets whether cuDNN, which convolves on NVIDIA GPUs, tries its algorithms at the first convolution of each shape and keeps the
    /// fastest.
    /// </summary>
    /// <param name="libtorchFolder">The folder of the libtorch that is loaded.</param>
    /// <param name="isOn">Whether it does.</param>
    /// <returns>False where this libtorch has no such function.</returns>
    public static bool SearchAlgorithms(string libtorchFolder, bool isOn) => Set(libtorchFolder, Benchmark, isOn);

    private static bool Set(string folder, string function, bool isOn)
    {
        string path = Path.Combine(folder, NativeSearch.FileName("torch_cpu"));
        if (OperatingSystem.IsWindows()
            || !NativeLibrary.TryLoad(path, out nint library)
            || !NativeLibrary.TryGetExport(library, Context, out nint context)
            || !NativeLibrary.TryGetExport(library, function, out nint set))
        {
            return false;
        }

        ((delegate* unmanaged<nint, byte, void>)set)(((delegate* unmanaged<nint>)context)(), isOn ? (byte)1 : (byte)0);
        return true;
    }
}

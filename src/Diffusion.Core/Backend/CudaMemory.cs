using System.Runtime.InteropServices;

namespace Diffusion;

/// <summary>The memory of NVIDIA's GPUs, which libtorch does not tell to .NET: NVIDIA's driver knows it.</summary>
internal static unsafe class CudaMemory
{
    private const int Success = 0;

    private static readonly Lazy<nint> Driver = new(() =>
        NativeLibrary.TryLoad(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1", out nint library) ? library : 0);

    /// <summary>The memory of a GPU in bytes; null where the driver cannot be asked.</summary>
    /// <param name="index">The index of the GPU, as libtorch counts: of those that <c>CUDA_VISIBLE_DEVICES</c> names.</param>
    public static long? BytesOf(int index) => Driver.Value == 0
        ? null
        : BytesOf(index, name => NativeLibrary.TryGetExport(Driver.Value, name, out nint address) ? address : 0);

    /// <summary>The same from another library.</summary>
    /// <param name="index">The index of the GPU.</param>
    /// <param name="symbol">The address of a function; 0 if there is none of that name.</param>
    public static long? BytesOf(int index, Func<string, nint> symbol)
    {
        (nint start, nint find, nint total) = (symbol("cuInit"), symbol("cuDeviceGet"), symbol("cuDeviceTotalMem_v2"));
        if (start == 0 || find == 0 || total == 0 || ((delegate* unmanaged<uint, int>)start)(0) != Success)
        {
            return null;
        }

        int device = 0;
        nuint bytes = 0;
        return ((delegate* unmanaged<int*, int, int>)find)(&device, index) == Success
            && ((delegate* unmanaged<nuint*, int, int>)total)(&bytes, device) == Success
                ? (long)bytes
                : null;
    }
}

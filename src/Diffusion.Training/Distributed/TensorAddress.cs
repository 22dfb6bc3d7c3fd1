using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>The address of a tensor's first element, on any device and of any element type.</summary>
internal static partial class TensorAddress
{
    /// <summary>The address; it is valid as long as the tensor lives.</summary>
    public static nint Of(Tensor tensor)
    {
        nint address = Data(tensor.Handle);
        GC.KeepAlive(tensor);
        return address;
    }

    [LibraryImport("LibTorchSharp", EntryPoint = "THSTensor_data")]
    private static partial nint Data(nint tensor);
}

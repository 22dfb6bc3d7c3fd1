using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// Finds out whether libtorch convolves rightly on this processor. Its convolutions are generated for the processor by oneDNN; on some
/// (seen: a virtual AMD EPYC with AVX-512, libtorch 2.10) those whose channels are no multiple of 16 came out wrong without an error:
/// gradients of the last layer of a network, so that it learns nothing. Then oneDNN is switched off, and libtorch convolves by matrix
/// products: slower, but right.
/// </summary>
internal static unsafe class ConvolutionCheck
{
    private const double Tolerance = 1e-3;

    // Channels in and out, size of the images, stride: channels that do not fill a vector, in each direction.
    private static readonly (int In, int Out, int Size, int Stride)[] Cases =
        [(24, 16, 4, 1), (16, 1, 4, 1), (3, 16, 4, 1), (48, 16, 4, 2)];

    /// <summary>Checks, and switches oneDNN off where it is wrong.</summary>
    /// <returns>What was found; null when all is right.</returns>
    /// <exception cref="NativeBackendException">Convolutions are wrong without oneDNN, too, or it cannot be switched off.</exception>
    public static string? Run(string libtorchFolder)
    {
        if (IsRight())
        {
            return null;
        }

        bool isOff = SwitchOneDnnOff(libtorchFolder);
        return isOff && IsRight() ? NativeError.WrongConvolutions : throw NativeError.NoRightConvolutions();
    }

    private static bool IsRight()
    {
        using DisposeScope scope = NewDisposeScope();
        return Cases.All(one => Results(one, ScalarType.Float32)
            .Zip(Results(one, ScalarType.Float64))
            .All(pair => AreClose(pair.First, pair.Second)));
    }

    // float64 never goes through oneDNN.
    private static IEnumerable<Tensor> Results((int In, int Out, int Size, int Stride) one, ScalarType type)
    {
        using IDisposable gradients = enable_grad();
        Tensor images = Values(2, one.In, one.Size, one.Size).to(type).requires_grad_();
        Tensor kernel = Values(one.Out, one.In, 3, 3).to(type).requires_grad_();
        Tensor result = nn.functional.conv2d(images, kernel, strides: [one.Stride, one.Stride], padding: [1, 1]);
        yield return result.detach();
        result.backward([Values(result.shape).to(type)]);
        yield return images.grad!;
        yield return kernel.grad!;
    }

    // Between -1 and 1, without a pattern; the global generator stays untouched.
    private static Tensor Values(params long[] shape)
    {
        long count = shape.Aggregate(1L, (product, size) => product * size);
        return arange(count, ScalarType.Float64).Times(1.7).sin().view(shape);
    }

    private static bool AreClose(Tensor actual, Tensor expected) =>
        (actual.to(ScalarType.Float64) - expected).abs().max().ToDouble() <= Tolerance * expected.abs().max().ToDouble(); // false for NaN

    // TorchSharp has no switch; libtorch's own is a C++ function.
    private static bool SwitchOneDnnOff(string folder)
    {
        string path = Path.Combine(folder, NativeSearch.FileName("torch_cpu"));
        if (OperatingSystem.IsWindows()
            || !NativeLibrary.TryLoad(path, out nint library)
            || !NativeLibrary.TryGetExport(library, "_ZN2at13globalContextEv", out nint context)
            || !NativeLibrary.TryGetExport(library, "_ZN2at7Context20setUserEnabledMkldnnEb", out nint enable))
        {
            return false;
        }

        ((delegate* unmanaged<nint, byte, void>)enable)(((delegate* unmanaged<nint>)context)(), 0);
        return true;
    }
}

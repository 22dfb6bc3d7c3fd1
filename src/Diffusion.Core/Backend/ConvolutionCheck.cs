using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// Finds out whether libtorch convolves rightly on this processor. Its convolutions are generated for the processor by oneDNN; on a virtual
/// AMD processor those whose channels are no multiple of 16 came out wrong without an error: gradients of the last layer of a network, so
/// that it learns nothing. Where <see cref="OneDnnCaches"/> could not prevent it, oneDNN is switched off, and libtorch convolves by
/// products of matrices: slower, but right.
/// </summary>
internal static class ConvolutionCheck
{
    private const double MaxErrorOfFloat32 = 1e-3;
    private const double MaxErrorOfHalf = 0.05; // bfloat16 rounds with an error of 0.004
    private const int Images = 2;

    // Channels in and out, size of the images, stride: channels that do not fill a vector, in each direction.
    private static readonly (int In, int Out, int Size, int Stride)[] Cases =
        [(24, 16, 4, 1), (16, 1, 4, 1), (3, 16, 4, 1), (48, 16, 4, 2), (12, 17, 4, 1), (17, 48, 4, 1)];

    /// <summary>Checks, and switches oneDNN off where it is wrong.</summary>
    /// <returns>What was found; null when all is right.</returns>
    /// <exception cref="NativeBackendException">Convolutions are wrong without oneDNN, too, or it cannot be switched off.</exception>
    public static string? Run(string libtorchFolder)
    {
        if (AreRight(ScalarType.Float32))
        {
            return null;
        }

        bool isOff = ConvolutionLibraries.SwitchOneDnnOff(libtorchFolder) && ConvolutionLibraries.SwitchNnpackOff(libtorchFolder);
        return isOff && AreRight(ScalarType.Float32) ? NativeError.WrongConvolutions : throw NativeError.NoRightConvolutions();
    }

    /// <summary>Compares a few convolutions, and their gradients, with the same numbers in float64.</summary>
    /// <param name="type">A floating-point type.</param>
    public static bool AreRight(ScalarType type)
    {
        using DisposeScope scope = NewDisposeScope();
        double maxError = type == ScalarType.Float32 ? MaxErrorOfFloat32 : MaxErrorOfHalf;
        return Cases.All(one => Results(one, type, exactly: false)
            .Zip(Results(one, type, exactly: true))
            .All(pair => AreClose(pair.First, pair.Second, maxError)));
    }

    // Of numbers that are rounded to a type: the result and the gradients of images and kernel.
    private static IEnumerable<Tensor> Results((int In, int Out, int Size, int Stride) one, ScalarType type, bool exactly)
    {
        using IDisposable gradients = enable_grad();
        ScalarType computes = exactly ? ScalarType.Float64 : type;
        Tensor images = Values(Images, one.In, one.Size, one.Size).to(type).to(computes).requires_grad_();
        Tensor kernel = Values(one.Out, one.In, 3, 3).to(type).to(computes).requires_grad_();
        Tensor result = exactly
            ? ByProducts(images, kernel, one.Stride)
            : nn.functional.conv2d(images, kernel, strides: [one.Stride, one.Stride], padding: [1, 1]);
        yield return result.detach();
        result.backward([Values(result.shape).to(type).to(computes)]);
        yield return images.grad!;
        yield return kernel.grad!;
    }

    // A convolution as a product of matrices, which has nothing of the code that is tried.
    private static Tensor ByProducts(Tensor images, Tensor kernel, int stride)
    {
        Tensor patches = nn.functional.unfold(images, 3, padding: 1, stride: stride); // [B, C * 9, pixels]
        Tensor weights = kernel.view(1, kernel.shape[0], -1).expand(images.shape[0], -1, -1);
        long size = ((images.shape[2] - 1) / stride) + 1;
        return bmm(weights, patches).view(images.shape[0], kernel.shape[0], size, size);
    }

    // Between -1 and 1, without a pattern; the global generator stays untouched.
    private static Tensor Values(params long[] shape)
    {
        long count = shape.Aggregate(1L, (product, size) => product * size);
        return PinnedScalars.Counting(count, ScalarType.Float64).Times(1.7).sin().view(shape);
    }

    // False where one is NaN.
    private static bool AreClose(Tensor actual, Tensor expected, double maxError) =>
        (actual.to(ScalarType.Float64) - expected).abs().max().item<double>() <= maxError * expected.abs().max().item<double>();
}

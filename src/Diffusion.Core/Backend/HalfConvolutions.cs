using System.Collections.Concurrent;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// Whether this processor's convolutions in 16 bits agree with those in float32. On some processors they were off by any amount where the
/// number of channels is no multiple of 16 (https://github.com/pytorch/pytorch/issues/163347), while other operators were right.
/// </summary>
internal static class HalfConvolutions
{
    private const int Size = 8;
    private const double MaxError = 0.05; // bfloat16 rounds with an error of 0.003

    private static readonly (int In, int Out, int Stride)[] Tried =
    [
        (1, 8, 1), (8, 8, 1), (8, 1, 1), (3, 32, 1), (32, 3, 1), (24, 16, 1), (16, 24, 1), (8, 8, 2), (48, 16, 2), (64, 64, 1),
    ];

    private static readonly ConcurrentDictionary<ScalarType, Lazy<bool>> Known = new();

    /// <summary>Compares a few 3 x 3 convolutions with those of float32, once in a process.</summary>
    /// <param name="type">The type.</param>
    public static bool AreRight(ScalarType type) => Known.GetOrAdd(type, asked => new Lazy<bool>(() => Check(asked))).Value;

    /// <summary>The largest relative error of the result of a convolution and of its gradients; NaN where one of them is NaN.</summary>
    /// <param name="type">The type.</param>
    /// <param name="inChannels">Channels of the image.</param>
    /// <param name="outChannels">Channels of the result.</param>
    /// <param name="stride">The stride.</param>
    internal static double ErrorOf(ScalarType type, int inChannels, int outChannels, int stride)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] given = [Numbers(2, inChannels, Size, Size), Numbers(outChannels, inChannels, 3, 3), Numbers(outChannels)];
        Tensor[] half = [.. given.Select(tensor => tensor.to(type).requires_grad_())];
        Tensor[] exact = [.. half.Select(tensor => tensor.detach().to(ScalarType.Float32).requires_grad_())];
        Tensor[] errors = [.. Results(half).Zip(Results(exact), (own, right) => (own - right).norm() / right.norm())];
        return stack(errors).max().item<float>();

        Tensor[] Results(Tensor[] inputs)
        {
            Tensor output = nn.functional.conv2d(inputs[0], inputs[1], inputs[2], strides: [stride, stride], padding: [1, 1])
                .to(ScalarType.Float32);
            (output * Numbers([.. output.shape])).sum().backward();
            return [output.detach(), .. inputs.Select(input => input.grad!.to(ScalarType.Float32))];
        }
    }

    private static bool Check(ScalarType type)
    {
        using IDisposable gradients = enable_grad();
        return Tried.All(tried => ErrorOf(type, tried.In, tried.Out, tried.Stride) < MaxError);
    }

    // Numbers between -1 and 1 that look random, without a generator.
    private static Tensor Numbers(params long[] shape)
    {
        float[] numbers = new float[shape.Aggregate(1L, (product, length) => product * length)];
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = MathF.Sin(1.7f * i * i);
        }

        return tensor(numbers).view(shape);
    }
}

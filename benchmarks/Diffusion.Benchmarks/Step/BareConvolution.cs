using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>The rate of 3 x 3 convolutions with nothing around them.</summary>
internal static class BareConvolution
{
    private const int Repetitions = 20;

    // Images, channels, height and width.
    private static readonly (int Images, int Channels, int Size)[] Shapes = [(16, 128, 32), (16, 256, 16), (8, 128, 32), (8, 256, 16)];

    /// <summary>The best rate of several sizes, forward alone or forward and backward, in operations per second.</summary>
    public static double BestRate(ScalarType type) => Shapes.Max(shape => Math.Max(Rate(shape, type, false), Rate(shape, type, true)));

    private static double Rate((int Images, int Channels, int Size) shape, ScalarType type, bool backward)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor images = randn([shape.Images, shape.Channels, shape.Size, shape.Size]).to(type).requires_grad_(backward);
        Tensor weights = randn([shape.Channels, shape.Channels, 3, 3]).to(type).requires_grad_(backward);
        Tensor? gradient = backward ? randn(images.shape).to(type) : null;
        double[] seconds = new double[Repetitions];
        for (int i = -3; i < Repetitions; i++)
        {
            using DisposeScope pass = NewDisposeScope();
            long began = Stopwatch.GetTimestamp();
            Tensor output = nn.functional.conv2d(images, weights, padding: [1, 1]);
            if (gradient is not null)
            {
                output.backward([gradient]);
            }

            if (i >= 0)
            {
                seconds[i] = Stopwatch.GetElapsedTime(began).TotalSeconds;
            }
        }

        return (backward ? 3 : 1) * 2.0 * images.numel() * shape.Channels * 9 / Median.Of(seconds);
    }
}

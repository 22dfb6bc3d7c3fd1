using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Backend;

public sealed class ConvolutionTests
{
    public static TheoryData<Precision, int> Cases => new MatrixTheoryData<Precision, int>(
        [Precision.Float32, Precision.BFloat16, Precision.Float16], [1, 3, 8, 16, 24, 48, 64]);

    // Where a processor hides its caches this is so because oneDNN was corrected or switched off.
    [Theory]
    [MemberData(nameof(Cases))]
    public void Convolutions_and_their_gradients_are_those_of_float64(Precision precision, int channels)
    {
        Assert.SkipUnless(ComputeDevice.Cpu().Supports(precision), $"This processor does not compute in {precision}.");
        ScalarType type = PrecisionTypes.TypeOf(precision);
        double maxError = precision == Precision.Float32 ? 1e-4 : 0.05;
        using DisposeScope scope = NewDisposeScope();
        using Generator random = new(1);
        foreach ((int outputs, int kernel, int stride, int size) in
            from outputs in (int[])[1, 16, 24, 64] from kernel in (int[])[1, 3] from stride in (int[])[1, 2] from size in (int[])[2, 4, 8]
            select (outputs, kernel, stride, size))
        {
            Tensor images = randn([2, channels, size, size], generator: random).to(type);
            Tensor weights = randn([outputs, channels, kernel, kernel], generator: random).to(type);
            Tensor[] actual = Results(images, weights, stride);
            Tensor[] expected = Results(images.to(ScalarType.Float64), weights.to(ScalarType.Float64), stride);

            foreach ((Tensor own, Tensor right) in actual.Zip(expected))
            {
                double error = (own.to(ScalarType.Float64) - right).norm().item<double>() / right.norm().item<double>();
                error.Should().BeLessThan(maxError, $"{channels} to {outputs} channels, kernel {kernel}, stride {stride}, size {size}");
            }
        }
    }

    private static Tensor[] Results(Tensor images, Tensor weights, int stride)
    {
        Tensor input = images.detach().requires_grad_();
        Tensor kernel = weights.detach().requires_grad_();
        long padding = weights.shape[2] / 2;
        Tensor output = nn.functional.conv2d(input, kernel, strides: [stride, stride], padding: [padding, padding]);
        output.backward([ones_like(output)]);
        return [output.detach(), input.grad!, kernel.grad!];
    }
}

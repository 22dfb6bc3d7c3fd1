using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Networks;

public sealed class GroupNormFunctionTests
{
    private const double Epsilon = 1e-5;

    // Images, channels, height, width, groups: rows shorter than a vector, longer, and of a length that is no multiple of it.
    public static TheoryData<(int N, int C, int H, int W, int G), bool, ScalarType> Cases =>
        new MatrixTheoryData<(int N, int C, int H, int W, int G), bool, ScalarType>(
            [(2, 32, 4, 4, 32), (3, 12, 5, 7, 4), (1, 8, 16, 16, 8), (4, 6, 3, 3, 1), (2, 8, 1, 2, 2), (5, 10, 1, 17, 5)],
            [false, true],
            [ScalarType.Float32, ScalarType.BFloat16]);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Result_and_gradients_are_those_of_libtorch_in_float64(
        (int N, int C, int H, int W, int G) size, bool activates, ScalarType type)
    {
        using DisposeScope scope = NewDisposeScope();
        using Generator random = new(1);
        NormalizationLayer norm = new(size.G, size.C, Epsilon);
        using (no_grad())
        {
            norm.Weight.copy_(randn([size.C], generator: random));
            norm.Bias.copy_(randn([size.C], generator: random));
        }

        norm.to(type);
        Tensor images = (randn([size.N, size.C, size.H, size.W], generator: random) * 2 + 5).to(type);
        Tensor gradient = randn(images.shape, generator: random).to(type);

        Tensor[] actual = Results(images, gradient, norm.Weight, norm.Bias, (x, _, _) => GroupNormFunction.Apply(x, norm, activates));
        Tensor[] expected = Results(
            images.to(ScalarType.Float64), gradient.to(ScalarType.Float64), norm.Weight.to(ScalarType.Float64),
            norm.Bias.to(ScalarType.Float64), (x, weight, bias) => Plain(x, size.G, weight, bias, Epsilon, activates));

        actual.Zip(expected, ErrorOf).Should().OnlyContain(error => error < (type == ScalarType.Float32 ? 1e-5 : 0.01));
    }

    [Fact]
    public void A_large_mean_costs_no_digits()
    {
        using DisposeScope scope = NewDisposeScope();
        using Generator random = new(1);
        NormalizationLayer norm = new(2, 4, Epsilon);
        Tensor images = randn([2, 4, 32, 32], generator: random) + 1000;

        Tensor actual = GroupNormFunction.Apply(images, norm, activates: false);
        Tensor expected = Plain(
            images.to(ScalarType.Float64), 2, ones([4], ScalarType.Float64), zeros([4], ScalarType.Float64), Epsilon, activates: false);

        ErrorOf(actual, expected).Should().BeLessThan(2e-4); // the images themselves are rounded to 6e-5
    }

    [Fact]
    public void The_number_of_threads_changes_no_bit()
    {
        using DisposeScope scope = NewDisposeScope();
        using Generator random = new(1);
        NormalizationLayer norm = new(8, 32, Epsilon);
        Tensor images = randn([3, 32, 9, 9], generator: random);
        Tensor gradient = randn(images.shape, generator: random);
        int threads = get_num_threads();
        try
        {
            set_num_threads(1);
            Tensor[] one = Results(images, gradient, norm.Weight, norm.Bias, (x, _, _) => GroupNormFunction.Apply(x, norm, true));
            set_num_threads(3);
            Tensor[] three = Results(images, gradient, norm.Weight, norm.Bias, (x, _, _) => GroupNormFunction.Apply(x, norm, true));

            one.Zip(three, (a, b) => a.SameBits(b)).Should().OnlyContain(same => same);
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    [Fact]
    public void NaN_and_infinity_stay_visible()
    {
        using DisposeScope scope = NewDisposeScope();
        NormalizationLayer norm = new(1, 1, Epsilon);
        Tensor images = zeros([3, 1, 4, 4]);
        images[0, 0, 1, 1] = float.NaN;
        images[1, 0, 1, 1] = float.PositiveInfinity;

        bool[] finite = [.. GroupNormFunction.Apply(images, norm, activates: true).isfinite().flatten(1).all(1).data<bool>()];

        finite.Should().Equal(false, false, true);
    }

    [Fact]
    public void Live_tensors_stay_constant_over_passes()
    {
        NormalizationLayer norm = new(2, 4, Epsilon);
        using Tensor images = ones([2, 4, 4, 4]).requires_grad_();
        long after = 0;
        for (int i = 0; i < 20; i++)
        {
            using DisposeScope scope = NewDisposeScope();
            GroupNormFunction.Apply(images, norm, activates: true).sum().backward();
            after = i == 5 ? Tensor.TotalCount : after;
        }

        Tensor.TotalCount.Should().BeLessThanOrEqualTo(after);
    }

    [Theory]
    [InlineData(16, ScalarType.Float32)]
    [InlineData(64, ScalarType.Float32)]
    [InlineData(256, ScalarType.BFloat16)]
    [InlineData(9, ScalarType.Float32)] // libtorch's
    public void Softmax_and_its_gradient_are_those_of_float64(int length, ScalarType type)
    {
        using DisposeScope scope = NewDisposeScope();
        using Generator random = new(1);
        Tensor scores = (randn([3, 70, length], generator: random) * 4).to(type);
        Tensor gradient = randn(scores.shape, generator: random).to(type);

        Tensor[] actual = OfSoftmax(scores, gradient, x => SoftmaxFunction.Apply(x, 0.3));
        Tensor[] expected = OfSoftmax(scores.to(ScalarType.Float64), gradient.to(ScalarType.Float64), x => (x * 0.3).softmax(-1));

        actual.Zip(expected, ErrorOf).Should().OnlyContain(error => error < (type == ScalarType.Float32 ? 1e-5 : 0.01));
    }

    private static Tensor[] OfSoftmax(Tensor scores, Tensor gradient, Func<Tensor, Tensor> softmax)
    {
        Tensor input = scores.detach().requires_grad_();
        Tensor output = softmax(input);
        output.backward([gradient]);
        return [output.detach(), input.grad!];
    }

    private static Tensor Plain(Tensor x, long groups, Tensor weight, Tensor bias, double epsilon, bool activates)
    {
        Tensor normalised = nn.functional.group_norm(x, groups, weight, bias, epsilon);
        return activates ? nn.functional.silu(normalised) : normalised;
    }

    private static Tensor[] Results(
        Tensor images, Tensor gradient, Tensor weight, Tensor bias, Func<Tensor, Tensor, Tensor, Tensor> function)
    {
        weight.grad = null;
        bias.grad = null;
        Tensor x = images.detach().clone().requires_grad_();
        Tensor own = weight.is_leaf ? weight : weight.detach().requires_grad_();
        Tensor ownBias = bias.is_leaf ? bias : bias.detach().requires_grad_();
        Tensor output = function(x, own, ownBias);
        output.backward([gradient]);
        return [output.detach(), x.grad!, own.grad!.clone(), ownBias.grad!.clone()];
    }

    private static double ErrorOf(Tensor actual, Tensor expected)
    {
        Tensor difference = actual.to(ScalarType.Float64) - expected.to(ScalarType.Float64);
        return difference.abs().max().item<double>() / expected.to(ScalarType.Float64).abs().max().item<double>();
    }
}

using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Optimization;

public sealed class ParameterUpdateTests
{
    [Fact]
    public void Gradients_are_clipped_by_their_norm_together()
    {
        using TinyModel model = new();
        using FlatParameters parameters = new(model);
        parameters.Gradients.narrow(0, 0, 4).copy_(tensor(new float[] { 3, 0, 4, 0 }));
        using GradientNorm norm = new(parameters, clip: 2);
        norm.Norm.item<float>().Should().BeApproximately(5, 1e-5f);
        norm.Divisor.item<float>().Should().BeApproximately(2.5f, 1e-5f);
        norm.Skip.item<float>().Should().Be(0);

        using GradientNorm loose = new(parameters, clip: 50);
        loose.Divisor.item<float>().Should().Be(1);
        using GradientNorm none = new(parameters, clip: null);
        none.Divisor.item<float>().Should().Be(1);
    }

    [Theory]
    [InlineData("normal")]
    [InlineData("equal")]
    [InlineData("thirds")]
    [InlineData("of twelve magnitudes")]
    [InlineData("one large among small")]
    public void The_norm_of_many_gradients_is_exact(string kind)
    {
        using nn.Module<Tensor, Tensor> layer = nn.Linear((1 << 24) + 1, 1, hasBias: false);
        using FlatParameters parameters = new(layer);
        using DisposeScope scope = NewDisposeScope();
        Tensor gradients = layer.get_parameter("weight")!.grad!;
        using (Generator generator = new(7, CPU))
        {
            Fill(gradients, kind, generator);
        }

        Tensor wide = gradients.flatten().to(float64);
        double exact = Math.Sqrt(wide.dot(wide).item<double>());
        using GradientNorm norm = new(parameters, clip: null);

        ((double)norm.Norm.item<float>()).Should().BeApproximately(exact, exact * 1e-6);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData(1300)]
    public void A_sum_of_squares_takes_every_number_once(int length)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor numbers = arange(1, length + 1, dtype: float32);

        double exact = Enumerable.Range(1, length).Sum(number => (double)number * number);
        SumOfSquares.Of(numbers).item<double>().Should().BeApproximately(exact, exact * 1e-6);
    }

    [Fact]
    public void A_gradient_that_is_not_finite_changes_neither_weights_nor_average_and_is_counted()
    {
        using TinyModel model = new();
        using FlatParameters parameters = new(model);
        using IOptimizer optimizer = Optimizers.AdamW().Create(parameters);
        using EmaWrapper ema = new(parameters);
        using ParameterUpdate update = new(parameters, optimizer, [ema], clip: 1);
        float[] weights = parameters.Values.data<float>().ToArray();

        foreach ((int step, float bad) in new[] { (1, float.NaN), (2, float.PositiveInfinity) })
        {
            parameters.Gradients[3] = tensor(bad);
            update.Apply(step, 1e-3);
            parameters.Values.data<float>().ToArray().Should().Equal(weights);
            ema.Average.data<float>().ToArray().Should().Equal(weights);
            update.SkippedInARow.item<float>().Should().Be(step);
        }

        parameters.Gradients.data<float>().ToArray().Should().OnlyContain(g => g == 0);
        parameters.Gradients.fill_(1);
        update.Apply(3, 1e-3);
        parameters.Values.data<float>().ToArray().Should().NotEqual(weights);
        update.Skipped.item<float>().Should().Be(2);
        update.SkippedInARow.item<float>().Should().Be(0);
    }

    private static void Fill(Tensor gradients, string kind, Generator generator)
    {
        using IDisposable noGradients = no_grad();
        switch (kind)
        {
            case "normal":
                gradients.copy_(randn(gradients.shape, generator: generator));
                break;
            case "equal":
                gradients.fill_(0.1);
                break;
            case "thirds":
                gradients.fill_(1.0 / 3);
                break;
            case "of twelve magnitudes":
                gradients.copy_(randn(gradients.shape, generator: generator)
                    * pow(10, (rand(gradients.shape, generator: generator) * 12) - 9));
                break;
            default:
                gradients.fill_(1e-3);
                gradients[0, 1 << 23] = tensor(3f);
                break;
        }
    }
}

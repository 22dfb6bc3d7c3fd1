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

    [Fact]
    public void The_norm_of_many_gradients_is_exact()
    {
        using nn.Module<Tensor, Tensor> layer = nn.Linear((1 << 24) + 1, 1, hasBias: false);
        using FlatParameters parameters = new(layer);
        using Tensor gradients = randn_like(layer.get_parameter("weight")!);
        layer.get_parameter("weight")!.grad!.copy_(gradients);
        using Tensor exact = layer.get_parameter("weight")!.grad!.to(float64).norm();
        using GradientNorm norm = new(parameters, clip: null);
        ((double)norm.Norm.item<float>()).Should().BeApproximately(exact.item<double>(), exact.item<double>() * 1e-4);
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
}

using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Ema;

public sealed class EmaWrapperTests
{
    [Fact]
    public void The_average_follows_its_formula()
    {
        using TinyModel model = new();
        using FlatParameters parameters = new(model);
        using EmaWrapper ema = new(parameters, decay: 0.5);
        using Tensor no = zeros([]);
        double expected = parameters.Values[0].item<float>();
        for (int step = 1; step <= 20; step++)
        {
            parameters.Values.fill_(step);
            ema.Update(step, no);
            double decay = Math.Min(0.5, (1.0 + step) / (10 + step));
            expected = (decay * expected) + ((1 - decay) * step);
        }

        ema.Average[0].item<float>().Should().BeApproximately((float)expected, 1e-4f);
    }

    [Fact]
    public void The_swap_gives_the_network_the_average_and_then_its_own_weights_back()
    {
        using TinyModel model = new();
        using FlatParameters parameters = new(model);
        using EmaWrapper ema = new(parameters);
        using Tensor no = zeros([]);
        float[] first = parameters.Values.data<float>().ToArray();
        parameters.Values.add_(1);
        float[] own = parameters.Values.data<float>().ToArray();

        IDisposable swap = ema.Swap();
        model.get_parameter("conv_in.weight")!.data<float>().ToArray().Should().Equal(first.Take(72));
        FluentActions.Invoking(() => ema.Swap()).Should().Throw<InvalidOperationException>().WithMessage("*Dispose the scope*");
        FluentActions.Invoking(() => ema.Update(1, no)).Should().Throw<InvalidOperationException>();
        swap.Dispose();
        swap.Dispose();

        parameters.Values.data<float>().ToArray().Should().Equal(own);
        using IDisposable again = ema.Swap();
        swap.Dispose();
        parameters.Values.data<float>().ToArray().Should().Equal(first);
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(-0.1)]
    [InlineData(double.NaN)]
    public void An_impossible_decay_is_refused(double decay)
    {
        using TinyModel model = new();
        using FlatParameters parameters = new(model);
        FluentActions.Invoking(() => new EmaWrapper(parameters, decay)).Should().Throw<ArgumentOutOfRangeException>()
            .WithMessage("*0.9999*");
    }
}

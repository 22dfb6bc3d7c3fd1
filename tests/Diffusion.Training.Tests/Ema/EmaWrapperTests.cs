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
        using EmaWrapper ema = new(parameters, EmaLaw.Warmup(0.5));
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

    // The weights change at each fourth step only, so an average at every fourth step sees all of them.
    [Theory]
    [InlineData("power-function(sigma-rel: 0.1)")]
    [InlineData("half-life(images: 100)")]
    [InlineData("constant(decay: 0.9)")]
    [InlineData("inverse-power")]
    public void An_update_after_several_steps_covers_all_of_them(string law)
    {
        using TinyModel model = new();
        using FlatParameters parameters = new(model);
        using EmaWrapper each = new(parameters, EmaLaw.Names.Find(law)!);
        using EmaWrapper fourth = new(parameters, EmaLaw.Names.Find(law)!) { EverySteps = 4 };
        using Tensor no = zeros([]);
        for (int step = 1; step <= 40; step++)
        {
            parameters.Values.fill_((step + 3) / 4);
            each.Update(step, no, step * 8, 8);
            fourth.Update(step, no, step * 8, 8);
        }

        fourth.Average.MaxDifference(each.Average).Should().BeLessThan(1e-5);
        FluentActions.Invoking(() => new EmaWrapper(parameters) { EverySteps = 0 }).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void A_skipped_step_does_not_change_the_average()
    {
        using TinyModel model = new();
        using FlatParameters parameters = new(model);
        using EmaWrapper ema = new(parameters);
        using Tensor yes = ones([]);
        float[] before = ema.Average.data<float>().ToArray();
        parameters.Values.add_(1);
        ema.Update(5, yes);
        ema.Average.data<float>().ToArray().Should().Equal(before);
    }

    [Fact]
    public void Its_owner_alone_frees_an_average()
    {
        using TinyModel model = new();
        using StripedImages images = new();
        using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images)
            .Configure(o => (o.Steps, o.BatchSize) = (2, 4)).Build();
        trainer.Ema!.Dispose();
        trainer.Run(TestContext.Current.CancellationToken).Step.Should().Be(2);

        using FlatParameters parameters = new(model);
        LiveTensors.GrowthOver(3, () => new EmaWrapper(parameters).Dispose()).Should().Be(0);
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
}

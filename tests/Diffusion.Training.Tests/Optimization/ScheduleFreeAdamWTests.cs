using Diffusion.TestKit;
using Microsoft.Extensions.Options;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Optimization;

public sealed class ScheduleFreeAdamWTests : IDisposable
{
    private readonly TinyModel model = new();
    private readonly StripedImages images = new();

    public void Dispose()
    {
        model.Dispose();
        images.Dispose();
    }

    // Defazio et al. 2024, algorithm 1: y, z and x apart, with weights of squared learning rates as in the reference implementation, where
    // steps without a learning rate have no weight.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Twelve_steps_follow_the_algorithm(int stepsWithoutRate)
    {
        using TrainedCopy copy = new(Optimizers.ScheduleFreeAdamW(weightDecay: 0.1, beta1: 0.8, beta2: 0.95));
        Dictionary<string, double[]> Copy() => copy.Values.ToDictionary(each => each.Key, each => each.Value.ToArray());
        (Dictionary<string, double[]> x, Dictionary<string, double[]> z) = (Copy(), Copy());
        Dictionary<string, double[]> v = copy.Values.ToDictionary(each => each.Key, each => new double[each.Value.Length]);
        double total = 0;
        for (int t = 1; t <= 12; t++)
        {
            double rate = 1e-2 * Math.Clamp((t - stepsWithoutRate) / 4.0, 0, 1);
            IReadOnlyDictionary<string, double[]> gradients = copy.Step(t, rate);
            total += rate * rate;
            double share = total > 0 ? rate * rate / total : 0;
            foreach ((string name, double[] g) in gradients)
            {
                double[] y = copy.Values[name];
                double decay = copy.ShapeOf(name).Length > 1 ? 0.1 : 0;
                for (int i = 0; i < g.Length; i++)
                {
                    v[name][i] = (0.95 * v[name][i]) + (0.05 * g[i] * g[i]);
                    double step = (g[i] / (Math.Sqrt(v[name][i] / (1 - Math.Pow(0.95, t))) + 1e-8)) + (decay * y[i]);
                    z[name][i] -= rate * step;
                    x[name][i] = ((1 - share) * x[name][i]) + (share * z[name][i]);
                    y[i] = (0.2 * z[name][i]) + (0.8 * x[name][i]);
                }
            }
        }

        copy.GreatestDifference().Should().BeLessThan(2e-6);
        copy.GreatestDifferenceOfUsed(x).Should().BeLessThan(5e-6);
    }

    [Fact]
    public void A_run_validates_and_exports_the_average_of_the_optimizer()
    {
        using Trainer trainer = Run().Build();

        TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);

        result.Averages.Should().ContainSingle();
        using Tensor raw = Flat(result.RawDenoiser);
        using Tensor used = Flat(result.EmaDenoiser);
        (raw - used).abs().max().item<float>().Should().BeGreaterThan(1e-5f);
    }

    [Fact]
    public void An_average_of_the_options_is_refused()
    {
        TrainerBuilder run = Run().UseEma(EmaLaw.PowerFunction(0.1), EmaLaw.Constant(0.9)).UseCheckpoints("x")
            .Configure(o => o.EmaSnapshotEverySteps = 1);

        FluentActions.Invoking(() => run.Build()).Should().Throw<OptionsValidationException>().Which.Failures.Should().HaveCount(3)
            .And.OnlyContain(problem => problem.Contains("must be left out with schedule-free-adamw("));
        FluentActions.Invoking(() => Run().Configure(o => o.Ema = "none").Build()).Should().Throw<OptionsValidationException>();
    }

    [Fact]
    public void Impossible_values_are_all_listed() =>
        Optimizers.ScheduleFreeAdamW(weightDecay: -1, beta1: 0, beta2: 1, epsilon: 0).Problems.Should().HaveCount(4)
            .And.OnlyContain(problem => problem.StartsWith("ScheduleFreeAdamW's ") && problem.Contains("Use "));

    private TrainerBuilder Run() => Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images)
        .UseOptimizer(Optimizers.ScheduleFreeAdamW()).UseLearningRate(LearningRate.Constant(1e-2))
        .Configure(o => (o.Steps, o.BatchSize) = (20, 4));

    private static Tensor Flat(Denoiser denoiser) => cat([.. denoiser.Model.Network.parameters().Select(p => p.detach().flatten())]);
}

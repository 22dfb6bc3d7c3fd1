using Diffusion.TestKit;
using Microsoft.Extensions.Options;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Optimization;

public sealed class TorchOptimizerTests
{
    [Fact]
    public void It_takes_the_steps_of_the_optimizer_of_TorchSharp()
    {
        // Heavy-ball momentum, with an L2 penalty on weights alone.
        ElementReference.Compare<double[]>(
            Optimizers.FromTorch("sgd", (parameters, decays) => optim.SGD(parameters, 1, momentum: 0.9, weight_decay: decays ? 0.1 : 0)),
            0.01, (value, gradient, _, rate, decays, memory) =>
            {
                double g = gradient + (decays ? 0.1 * value : 0);
                double buffer = memory is null ? g : (0.9 * memory[0]) + g;
                return (value - (rate * buffer), [buffer]);
            });
    }

    [Fact]
    public void Its_counters_go_on() => ElementReference.Compare<double[]>(
        Optimizers.FromTorch("adam", (parameters, _) => optim.Adam(parameters, 1, beta1: 0.8, beta2: 0.95)), 0.01,
        (value, gradient, t, rate, _, memory) =>
        {
            double m = (0.8 * (memory?[0] ?? 0)) + (0.2 * gradient);
            double v = (0.95 * (memory?[1] ?? 0)) + (0.05 * gradient * gradient);
            double denominator = Math.Sqrt(v / (1 - Math.Pow(0.95, t))) + 1e-8;
            return (value - (rate * m / (1 - Math.Pow(0.8, t)) / denominator), [m, v]);
        });

    [Fact]
    public void Rate_factors_hold()
    {
        float[] plain = Step([]);
        float[] scaled = Step([new ParameterRule { Names = "*", RateFactor = 0.5 }]);

        scaled.Zip(plain).Should().OnlyContain(pair => Math.Abs(pair.First - (0.5f * pair.Second)) < 1e-6f);

        static float[] Step(IReadOnlyList<ParameterRule> rules)
        {
            using TinyModel model = new();
            using FlatParameters parameters = new(model, rules: rules);
            using IOptimizer optimizer = Optimizers.FromTorch("sgd", (given, _) => optim.SGD(given, 1)).Create(parameters);
            using Tensor before = parameters.Values.clone();
            parameters.Gradients.fill_(0.3);
            optimizer.Update(1e-2, ones([]), zeros([]));
            return (parameters.Values - before).data<float>().ToArray();
        }
    }

    [Fact]
    public void What_cannot_keep_the_contract_is_refused_by_name_before_the_run()
    {
        Failure("lbfgs", (parameters, _) => optim.LBFGS(parameters, 0.1)).Should().Contain("lbfgs is LBFGS, which needs the loss");
        Failure("rprop", (parameters, _) => optim.Rprop(parameters, 0.1)).Should().Contain("Rprop, which moves parameters when");
        Failure("asgd", (parameters, _) => optim.ASGD(parameters, 0.1)).Should().Contain("ASGD, which moves parameters when");
        Failure(" ", (parameters, _) => optim.SGD(parameters, 0.1)).Should().Contain("the description is empty");

        static string Failure(string name, Func<IReadOnlyList<Parameter>, bool, optim.Optimizer> create)
        {
            using TinyModel model = new();
            using StripedImages images = new();
            return FluentActions.Invoking(() => Trainer.For(model).UseData(images)
                    .UseOptimizer(Optimizers.FromTorch(name, create)).Build())
                .Should().Throw<OptionsValidationException>().Which.Failures.Should().ContainSingle().Subject;
        }
    }

    [Fact]
    public void An_optimizer_that_leaves_parameters_out_is_refused()
    {
        using TinyModel model = new();
        using FlatParameters parameters = new(model);
        IOptimizerFactory factory = Optimizers.FromTorch("part", (given, _) => optim.SGD([given[0]], 0.1));

        FluentActions.Invoking(() => factory.Create(parameters)).Should().Throw<InvalidOperationException>()
            .WithMessage("part trains 1 parameters, but was given 3. Pass all of them*");
    }
}

using Diffusion.TestKit;
using Microsoft.Extensions.Options;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Optimization;

public sealed class ParameterRuleTests
{
    [Fact]
    public void The_last_rule_that_has_a_value_decides()
    {
        using MixedNetwork network = new();
        using FlatParameters parameters = new(network, rules:
        [
            new ParameterRule { Names = "*", Dimensions = 1, Decays = true, RateFactor = 3 },
            new ParameterRule { Names = "conv*", RateFactor = 0.5 },
            new ParameterRule { Names = "t?ble.weight", Decays = false },
        ]);

        Treatment("norm.bias").Should().Be((ParameterGroup.Decayed, 3));
        Treatment("conv.bias").Should().Be((ParameterGroup.Decayed, 0.5));
        Treatment("conv.weight").Should().Be((ParameterGroup.Decayed, 0.5));
        Treatment("table.weight").Should().Be((ParameterGroup.Plain, 1));
        Treatment("frozen.weight").Should().Be((ParameterGroup.Frozen, 1));

        (ParameterGroup, double) Treatment(string name)
        {
            FlatEntry entry = parameters.Layout.Entries.Single(entry => entry.Name == name);
            return (entry.Group, entry.RateFactor);
        }
    }

    [Fact]
    public void Segments_cover_all_trained_parameters_once_and_are_as_few_as_possible()
    {
        using MixedNetwork network = new();
        using FlatParameters parameters = new(network, rules: [new ParameterRule { Names = "wide.*", RateFactor = 0.5 }]);

        parameters.Segments.Select(segment => (segment.Decays, segment.RateFactor)).Should()
            .Equal((true, 1), (true, 0.5), (true, 1), (false, 1));
        parameters.Segments[0].From.Should().Be(0);
        parameters.Segments.Zip(parameters.Segments.Skip(1)).Should().OnlyContain(pair => pair.First.To == pair.Second.From);
        parameters.Segments[^1].To.Should().Be(parameters.TrainedLength);
    }

    [Fact]
    public void A_rate_factor_scales_the_step_and_its_decay()
    {
        Dictionary<string, float[]> plain = Change([]);
        Dictionary<string, float[]> scaled = Change([new ParameterRule { Names = "tall.*", RateFactor = 0.25 }]);

        foreach ((string name, float[] change) in plain)
        {
            float factor = name.StartsWith("tall.", StringComparison.Ordinal) ? 0.25f : 1;
            scaled[name].Zip(change).Should().OnlyContain(pair => Math.Abs(pair.First - (factor * pair.Second)) < 1e-6f, name);
        }
    }

    [Fact]
    public void Frozen_parameters_get_no_gradient_until_the_buffers_are_disposed()
    {
        using TinyModel model = new();
        using (FlatParameters parameters = new(model, rules: [new ParameterRule { Names = "conv_in.*", Freezes = true }]))
        {
            model.get_parameter("conv_in.weight")!.requires_grad.Should().BeFalse();
            model.get_parameter("conv_in.weight")!.grad.Should().BeNull();
            parameters.TrainedLength.Should().Be(parameters.Values.shape[0] - 256);
        }

        model.get_parameter("conv_in.weight")!.requires_grad.Should().BeTrue();
    }

    [Fact]
    public void A_run_keeps_the_values_of_frozen_parameters()
    {
        using TinyModel model = new();
        using StripedImages images = new();
        float[] before = Values("time.weight");
        using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images)
            .AddParameterRule(new ParameterRule { Names = "time.*", Freezes = true })
            .Configure(o => (o.Steps, o.BatchSize) = (3, 4)).Build();

        trainer.Run(TestContext.Current.CancellationToken);

        Values("time.weight").Should().Equal(before);

        float[] Values(string name) => model.get_parameter(name)!.detach().contiguous().data<float>().ToArray();
    }

    [Fact]
    public void Impossible_rules_are_all_listed_with_their_remedies()
    {
        ParameterRule[] rules =
        [
            new ParameterRule { Names = "" }, new ParameterRule { Names = "a" }, new ParameterRule { Names = "b", RateFactor = 0 },
            new ParameterRule { Names = "c", Dimensions = -1, Decays = true },
        ];

        ParameterRuleProblems.Of(rules).Should().BeEquivalentTo(
            "ParameterRules: Names is missing. Use the pattern of parameter names, such as *.attentions.*, or * for all.",
            "ParameterRules: a() changes nothing. Set Decays, RateFactor or Freezes.",
            "ParameterRules: the RateFactor of b(rateFactor: 0) must be above 0. Use Freezes for parameters that keep their values.",
            "ParameterRules: the Dimensions of c(dimensions: -1, decays: True) must be 0 or more. Use 2 for matrices, or leave it out.");
    }

    [Fact]
    public void Rules_that_fit_no_parameter_or_freeze_all_are_refused()
    {
        using TinyModel model = new();
        using StripedImages images = new();

        Failures(new ParameterRule { Names = "conv.*", Decays = false }).Should().ContainSingle().Which.Should().Be(
            "ParameterRules: conv.*(decays: False) fits none of the 6 trained parameters. Their names are for example conv_in.weight, "
            + "conv_in.bias, time.weight. Correct the pattern.");
        Failures(new ParameterRule { Names = "*", Freezes = true }).Should().ContainSingle().Which.Should()
            .StartWith("ParameterRules freeze all 6 parameters");

        IEnumerable<string> Failures(ParameterRule rule) =>
            FluentActions.Invoking(() => Trainer.For(model).UseData(images).AddParameterRule(rule).Build())
                .Should().Throw<OptionsValidationException>().Which.Failures;
    }

    [Fact]
    public void A_run_does_not_resume_with_other_rules()
    {
        using TemporaryFolder folder = new();
        using StripedImages images = new();
        Run();

        FluentActions.Invoking(() => Run(new ParameterRule { Names = "*", Dimensions = 1, RateFactor = 2 }))
            .Should().Throw<CheckpointException>().WithMessage("*ParameterRules was none and is *(dimensions: 1, rateFactor: 2)*");

        void Run(params ParameterRule[] rules)
        {
            using TinyModel model = new();
            using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images)
                .UseCheckpoints(folder.File("run"))
                .Configure(o => (o.Steps, o.BatchSize, o.ParameterRules) = (2, 4, rules)).Build();
            trainer.Run(TestContext.Current.CancellationToken);
        }
    }

    private static Dictionary<string, float[]> Change(IReadOnlyList<ParameterRule> rules)
    {
        using DisposeScope scope = NewDisposeScope();
        using MixedNetwork network = new();
        using FlatParameters parameters = new(network, rules: rules);
        using IOptimizer optimizer = Optimizers.AdamW(weightDecay: 0.5).Create(parameters);
        Dictionary<string, Tensor> before = network.named_parameters().ToDictionary(p => p.name, p => p.parameter.detach().clone());
        parameters.Gradients.fill_(0.3);
        optimizer.Update(1e-2, ones([]), zeros([]));
        return network.named_parameters().ToDictionary(
            p => p.name, p => (p.parameter.detach() - before[p.name]).contiguous().data<float>().ToArray());
    }
}

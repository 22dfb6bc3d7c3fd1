using Diffusion.TestKit;
using Microsoft.Extensions.Options;

namespace Diffusion.Training.Tests.Optimization;

public sealed class OptimizerFitTests : IDisposable
{
    private readonly TinyModel model = new();
    private readonly StripedImages images = new();

    public void Dispose()
    {
        model.Dispose();
        images.Dispose();
    }

    [Fact]
    public void An_optimizer_that_finds_the_learning_rate_needs_a_factor_instead() =>
        FluentActions.Invoking(() => Run(Optimizers.Prodigy()).Build()).Should().Throw<OptionsValidationException>()
            .Which.Failures.Should().ContainSingle().Which.Should()
            .Match("LearningRate.Peak (0.0002) must be a factor, at least 0.05, as prodigy(*) finds the learning rate itself. Use 1.");

    [Fact]
    public void It_has_no_range_of_learning_rates_and_no_rate_factors()
    {
        TrainerBuilder run = Run(Optimizers.Prodigy()).UseLearningRate(LearningRate.Constant(1))
            .AddParameterRule(new ParameterRule { Names = "time.*", RateFactor = 2 });

        FluentActions.Invoking(() => run.BuildLrRangeFinder()).Should().Throw<OptionsValidationException>().Which.Failures.Should()
            .HaveCount(2).And.Contain(problem => problem.StartsWith("BuildLrRangeFinder cannot try learning rates with prodigy("))
            .And.Contain(problem => problem.StartsWith("ParameterRules: time.*(rateFactor: 2) must not change the learning rate"));
    }

    [Fact]
    public void Its_factor_is_no_unusual_learning_rate()
    {
        using Trainer trainer = Run(Optimizers.Prodigy()).UseLearningRate(LearningRate.Constant(1)).Build();

        trainer.Warnings.Should().NotContain(warning => warning.Option == "LearningRate.Peak");
    }

    [Theory]
    [InlineData(4e-5, false)]
    [InlineData(2e-3, true)]
    public void A_rate_is_usual_for_the_optimizer_or_not(double rate, bool isUnusual)
    {
        using Trainer trainer = Run(Optimizers.Lion()).UseLearningRate(LearningRate.Constant(rate))
            .Configure(o => o.BatchSize = 32).Build();

        trainer.Warnings.Any(warning => warning.Option == "LearningRate.Peak").Should().Be(isUnusual);
    }

    [Theory]
    [InlineData("lion")]
    [InlineData("muon")]
    [InlineData("adamw-8bit")]
    [InlineData("adam")]
    public void The_others_can_be_swept(string name)
    {
        IOptimizerFactory factory = name switch
        {
            "lion" => Optimizers.Lion(), "muon" => Optimizers.Muon(), "adam" => Optimizers.Adam(), _ => Optimizers.AdamW8Bit(),
        };

        LrRange range = Run(factory).BuildLrRangeFinder(new LrRangeOptions { Steps = 20, Highest = 1e-3 })
            .Run(cancellationToken: TestContext.Current.CancellationToken);

        range.End.Should().Be(LrRangeEnd.Completed);
        range.Points.Should().HaveCount(20);
    }

    private TrainerBuilder Run(IOptimizerFactory factory) => Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images)
        .UseOptimizer(factory).Configure(o => (o.Steps, o.BatchSize) = (10, 4));
}

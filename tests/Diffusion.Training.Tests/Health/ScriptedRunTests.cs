using Diffusion.TestKit;

namespace Diffusion.Training.Tests.Health;

/// <summary>The short ones of the runs with a known mistake; <c>benchmarks health</c> makes all of them, and the healthy ones.</summary>
public sealed class ScriptedRunTests
{
    public static TheoryData<string> Sick => [.. SickRuns.All.Where(run => run.IsShort).Select(run => run.Name)];

    [Theory]
    [MemberData(nameof(Sick))]
    public void A_mistake_is_called_by_its_name(string name)
    {
        ScriptedRun run = SickRuns.All.Single(run => run.Name == name);

        IReadOnlyList<ScriptedSaying> said = run.Run();

        run.IsRight(said).Should().BeTrue("{0} was expected to be {1} with '{2}', but was {3}", name, string.Join(" or ", run.Expected),
            run.Says, string.Join("; ", said));
    }

    [Fact]
    public void Of_a_healthy_run_nothing_is_said()
    {
        ScriptedRun run = HealthyRuns.All(data: null)[0] with { Options = options => options.Steps = 80, Network = Smaller };

        run.Run().Should().BeEmpty();
    }

    [Fact]
    public void A_rate_far_too_high_is_seen_within_a_hundred_steps()
    {
        ScriptedRun run = SickRuns.All.Single(run => run.Name == "learning rate 2000 times too high");

        IReadOnlyList<ScriptedSaying> said = (run with { Options = options => (options.Steps, options.LearningRate) = (100,
            LearningRate.Constant(1).WithWarmup(40)), Network = Smaller }).Run();

        // Weights this far off are chaos: the rounding of the processor decides which of the two is seen first.
        said.Should().Contain(saying => (saying.What == "Diverged" || saying.What == "ExplodingGradients") && saying.Step <= 100
            && saying.Text.Contains("Lower LearningRate.Peak from 1 to 0.0001", StringComparison.Ordinal));
    }

    private static UNet2DOptions Smaller(UNet2DOptions options) => options with { BlockOutChannels = [8, 16] };
}

using Microsoft.Extensions.Configuration;

namespace Diffusion.Training.Tests.Objectives;

/// <summary>Parts of objectives as options name them.</summary>
public sealed class PartNamesTests
{
    [Theory]
    [InlineData("min-snr", "min-snr(gamma: 5)")]
    [InlineData("min-snr(gamma: 3)", "min-snr(gamma: 3)")]
    [InlineData(" min-snr ( gamma : 2.5e-1 ) ", "min-snr(gamma: 0.25)")]
    [InlineData("p2(k: 2)", "p2(gamma: 1, k: 2)")]
    [InlineData("p2(k: 2, gamma: 0.5)", "p2(gamma: 0.5, k: 2)")]
    [InlineData("truncated-snr", "truncated-snr")]
    public void A_name_has_its_parameters_or_their_defaults(string text, string description)
    {
        LossWeighting.Names.Problem(text).Should().BeNull();
        LossWeighting.Names.Find(text)!.Description.Should().Be(description);
        LossWeighting.Names.Find(description).Should().Be(LossWeighting.Names.Find(text), "a description names the same part");
    }

    [Theory]
    [InlineData("min-snrr", "must name a weighting; the nearest is min-snr. Known are uniform, min-snr, soft-min-snr, p2, truncated-snr, "
        + "edm, learned-uncertainty, debiased, sigmoid")]
    [InlineData("truncated", "must name a weighting; the nearest is truncated-snr.*")]
    [InlineData("min-snr(gama: 5)", "has no parameter gama: min-snr has gamma")]
    [InlineData("uniform(gamma: 5)", "has no parameter gamma: uniform has none")]
    [InlineData("min-snr(gamma: -1)", "is impossible: gamma (-1) must be above 0. Use 5.*")]
    [InlineData("min-snr(gamma: five)", "must be a weighting as name or name(parameter: number). Use min-snr, for instance. Known are *")]
    [InlineData("min-snr(gamma: 5", "must be a weighting as name or name(parameter: number)*")]
    [InlineData("Min SNR", "must be a weighting as name or name(parameter: number)*")]
    [InlineData("", "must be a weighting as name or name(parameter: number)*")]
    public void What_names_no_part_is_refused_with_the_nearest_and_all_names(string text, string problem)
    {
        LossWeighting.Names.Problem(text).Should().Match(problem);
        LossWeighting.Names.Find(text).Should().BeNull();
    }

    [Fact]
    public void Options_are_bound_from_configuration()
    {
        IConfiguration configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Objective:Weighting"] = "min-snr(gamma: 3)",
            ["Objective:Times"] = "log-normal",
            ["Objective:Function"] = "huber(threshold: 0.5)",
            ["Objective:StratifiesTimes"] = "true",
            ["Objective:OffsetNoise"] = "0.1",
            ["Schedule"] = "Laplace",
            ["ZeroTerminalSnr"] = "true",
        }).Build();
        TrainingOptions options = configuration.Get<TrainingOptions>()!;

        Objective objective = (Objective)new ObjectiveParts(null, null, null, null).Make(options.Objective);
        objective.Should().Be(new Objective
        {
            Weighting = LossWeighting.MinSnr(3), Times = TimeLaw.LogNormal(), Function = LossFunction.Huber(0.5), OffsetNoise = 0.1,
        });
        options.Objective.StratifiesTimes.Should().BeTrue();
        options.CreateSchedule().Description.Should().Be("laplace(timesteps: 1000) with zero terminal SNR");
    }
}

namespace Diffusion.Training.Tests.Ema;

public sealed class EmaLawTests
{
    public static TheoryData<string, string> Descriptions => new()
    {
        { "power-function", "power-function(sigma-rel: 0.03)" },
        { "power-function(sigma-rel: 0.1)", "power-function(sigma-rel: 0.1)" },
        { "warmup", "warmup(max-decay: 0.9999)" },
        { "warmup(max-decay: 0.9, min-decay: 0.5)", "warmup(max-decay: 0.9, min-decay: 0.5)" },
        {
            "inverse-power(power: 0.75)",
            "inverse-power(inv-gamma: 1, power: 0.75, max-decay: 0.9999, min-decay: 0, update-after-step: 0)"
        },
        { "half-life(images: 1000)", "half-life(images: 1000, ramp-up-ratio: 0.05)" },
        { "constant(decay: 0.99)", "constant(decay: 0.99)" },
    };

    public static TheoryData<Action, string> Impossible => new()
    {
        { () => EmaLaw.Constant(1), "decay (1)" },
        { () => EmaLaw.Constant(double.NaN), "decay (NaN)" },
        { () => EmaLaw.Warmup(-0.1), "maxDecay (-0.1)" },
        { () => EmaLaw.Warmup(0.5, 0.6), "minDecay (0.6)" },
        { () => EmaLaw.InversePower(invGamma: 0), "invGamma (0)" },
        { () => EmaLaw.InversePower(power: -1), "power (-1)" },
        { () => EmaLaw.InversePower(updateAfterStep: -1), "updateAfterStep (-1)" },
        { () => EmaLaw.HalfLife(0), "images (0)" },
        { () => EmaLaw.HalfLife(rampUpRatio: -1), "rampUpRatio (-1)" },
        { () => EmaLaw.PowerFunction(0), "sigmaRel (0)" },
        { () => EmaLaw.PowerFunction(0.289), "sigmaRel (0.289)" },
        { () => EmaLaw.PowerFunctionOfGamma(-0.1), "gamma (-0.1)" },
        { () => EmaLaw.HalfLife().DecayAt(1), "Pass imagesSeen and batchSize" },
    };

    [Theory]
    [MemberData(nameof(Descriptions))]
    public void A_law_is_named_by_its_description(string text, string description)
    {
        EmaLaw law = EmaLaw.Names.Find(text)!;
        law.Description.Should().Be(description);
        law.ToString().Should().Be(description);
        EmaLaw.Names.Find(description).Should().Be(law);
    }

    [Theory]
    [MemberData(nameof(Impossible), DisableDiscoveryEnumeration = true)]
    public void An_impossible_value_is_refused_by_name(Action make, string expected) =>
        make.Should().Throw<ArgumentOutOfRangeException>().Which.Message.Should().Contain(expected);

    [Theory]
    [InlineData(1, 2.0 / 11)]
    [InlineData(90, 0.91)]
    [InlineData(89_990, 0.9999)]
    [InlineData(10_000_000, 0.9999)]
    public void The_decay_warms_up_to_its_maximum(long step, double decay) =>
        EmaLaw.Warmup().DecayAt(step).Should().BeApproximately(decay, 1e-9);

    [Theory]
    [InlineData(11, 0)] // up to the step after UpdateAfterStep, a copy of the weights, whatever the minimum
    [InlineData(12, 0.08712907082472316)] // 1 - (1 + 1 / 5)^-0.5
    [InlineData(31, 0.5527864045000421)] // 1 - (1 + 20 / 5)^-0.5
    [InlineData(100_000, 0.9)]
    public void The_inverse_power_warms_up_between_its_limits(long step, double decay) =>
        EmaLaw.InversePower(invGamma: 5, power: 0.5, maxDecay: 0.9, minDecay: 0.05, updateAfterStep: 10).DecayAt(step)
            .Should().BeApproximately(decay, 1e-12);

    [Fact]
    public void The_minimum_of_the_inverse_power_holds_from_the_first_averaged_step() =>
        EmaLaw.InversePower(minDecay: 0.5).DecayAt(2).Should().Be(0.5);

    [Fact]
    public void A_short_ramp_up_of_the_half_life_counts()
    {
        EmaLaw.HalfLife(1e6, rampUpRatio: 0.005).DecayAt(1, 20_000, 100).Should().BeApproximately(0.5, 1e-13);
        EmaLaw.HalfLife(1e6).DecayAt(1, imagesSeen: 0, batchSize: 8).Should().Be(0, "nothing was seen before");
    }

    // A run of 100 steps and one of 100,000 average over the same fraction of their steps.
    [Theory]
    [InlineData(100)]
    [InlineData(4000)]
    [InlineData(100_000)]
    public void The_default_averages_over_a_fixed_fraction_of_a_run(int steps)
    {
        double age = 0;
        double square = 0;
        double share = 1;
        for (int step = steps; step > 0; step--)
        {
            double decay = EmaLaw.Default.DecayAt(step);
            double back = (double)(steps - step) / steps;
            age += share * (1 - decay) * back;
            square += share * (1 - decay) * back * back;
            share *= decay;
        }

        share.Should().Be(0, "the initial weights have no share");
        age.Should().BeApproximately(0.031, 0.006);
        Math.Sqrt(square - (age * age)).Should().BeApproximately(0.03, 0.002);
    }

    [Fact]
    public void The_decay_over_a_gap_is_that_of_its_steps()
    {
        EmaLaw.PowerFunction(0.1).DecayOver(10, 50, 0, 0).Should()
            .BeApproximately(Math.Pow(40.0 / 50, PowerProfile.GammaOf(0.1) + 1), 1e-13);
        EmaLaw.Constant(0.9).DecayOver(10, 50, 0, 0).Should().BeApproximately(Math.Pow(0.9, 10), 1e-13);
        EmaLaw.HalfLife(1000, rampUpRatio: 0).DecayOver(10, 50, 5000, 100).Should().BeApproximately(0.5, 1e-13);
        double each = Math.Pow(0.5, 100 / (0.05 * 4900)) * Math.Pow(0.5, 100 / (0.05 * 5000));
        EmaLaw.HalfLife(1e6).DecayOver(2, 50, 5000, 100).Should().BeApproximately(each, 1e-13);
    }
}

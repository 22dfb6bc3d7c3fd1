using Diffusion.TestKit;

namespace Diffusion.Training.Tests.Tuning;

public sealed class OptionWarningsTests
{
    private const long LargeNetwork = 35_000_000;
    private const long SmallNetwork = 1_000_000;
    private const long Images = 50_000;

    public static TheoryData<Action<TrainingOptions>, string, string> Unusual => new()
    {
        { o => o.LearningRate = LearningRate.Constant(1e-2), "LearningRate.Peak",
            "*1e-2 is high; 1e-4 to 3e-4 is usual for a batch of 64*Use 2e-4, or measure it with LrRangeFinder." },
        { o => o.LearningRate = LearningRate.Constant(1e-6), "LearningRate.Peak",
            "*1e-6 is low*stay blurry*measure it with LrRangeFinder." },
        { o => (o.BatchSize, o.LearningRate) = (256, LearningRate.Constant(9e-5)), "LearningRate.Peak",
            "*low; 1e-4 to 1.2e-3 is usual for a batch of 256*Use 8e-4*" },
        { o => o.BatchSize = 8, "BatchSize", "*8 gives very noisy gradients*" },
        { o => (o.BatchSize, o.LearningRate) = (1024, LearningRate.Constant(2e-3)), "BatchSize", "*1024 is large*square root*" },
        { o => o.Ema = "none", "Ema", "*visibly worse*Leave it out*" },
        { o => o.Ema = "warmup(max-decay: 0.999999)", "Ema", "*half-life of 693,147 steps*" },
        { o => o.Ema = "constant(decay: 0.99)", "Ema", "*over only 69 of 200,000 steps*" },
        { o => (o.Steps, o.Ema) = (2000, "inverse-power(max-decay: 0.5)"), "Ema", "*hardly an average*" },
        { o => o.LearningRate = new LearningRate { WarmupSteps = 100_000 }, "LearningRate.WarmupSteps", "*100,000 of 200,000 steps*" },
        { o => o.LearningRate = new LearningRate { WarmupSteps = 10 }, "LearningRate.WarmupSteps", "*10 of 200,000 steps is short*" },
        { o => o.GradientClip = null, "GradientClip", "*one bad batch*Use 1*" },
        { o => o.GradientClip = 0.01, "GradientClip", "*acts like a lower learning rate*" },
        { o => o.GradientClip = 100, "GradientClip", "*rarely clips*" },
    };

    [Theory]
    [MemberData(nameof(Unusual), DisableDiscoveryEnumeration = true)]
    public void An_unusual_value_is_told_with_what_follows_and_what_to_use(Action<TrainingOptions> change, string option, string text)
    {
        TrainingWarning warning = Of(change).Should().ContainSingle().Subject;
        warning.Option.Should().Be(option);
        warning.Text.Should().Match(text);
    }

    [Fact]
    public void The_defaults_are_usual() => Of(_ => { }).Should().BeEmpty();

    [Theory]
    [InlineData(64, 1e-3, SmallNetwork)]
    [InlineData(64, 1e-4, LargeNetwork)]
    [InlineData(64, 3e-4, LargeNetwork)]
    [InlineData(256, 8e-4, LargeNetwork)]
    [InlineData(256, 2e-4, LargeNetwork)]
    [InlineData(128, 2e-4, LargeNetwork)]
    [InlineData(32, 1e-4, LargeNetwork)]
    [InlineData(512, 1.6e-3, LargeNetwork)]
    public void Usual_rates_are_usual(int batch, double rate, long parameters) =>
        Of(o => (o.BatchSize, o.LearningRate) = (batch, LearningRate.Constant(rate)), parameters: parameters).Should().BeEmpty();

    [Fact]
    public void Where_a_time_limit_hides_the_number_of_steps_nothing_is_said_of_it() => Of(o =>
    {
        (o.TimeLimit, o.Ema, o.LearningRate) = (TimeSpan.FromMinutes(4), "warmup(max-decay: 0.99)", new LearningRate { WarmupSteps = 100 });
    }).Should().BeEmpty();

    [Fact]
    public void A_batch_larger_than_the_data_is_told() =>
        Of(_ => { }, images: 40).Should()
            .Contain(warning => warning.Option == "BatchSize" && warning.Text.Contains("exceeds the 40 training images"));

    [Theory]
    [InlineData(64, 10, "*Use at most 10.")]
    [InlineData(4, 10, "4 gives very noisy gradients*Use 10, with a MicroBatchSize*")]
    [InlineData(4, 40, "4 gives very noisy gradients*Use 40, with a MicroBatchSize*")]
    [InlineData(10, 10, null)]
    public void A_batch_that_is_told_to_be_used_is_none_that_is_told_of(int batch, long images, string? text)
    {
        IEnumerable<string> told = Of(o => (o.BatchSize, o.LearningRate) = (batch, LearningRate.Constant(1e-4)), images: images)
            .Where(warning => warning.Option == "BatchSize").Select(warning => warning.Text);
        if (text is null)
        {
            told.Should().BeEmpty();
        }
        else
        {
            told.Should().ContainSingle().Which.Should().Match(text);
        }
    }

    [Fact]
    public void Few_images_seen_thousands_of_times_are_told_where_none_are_held_out()
    {
        Of(_ => { }, images: 500).Should().ContainSingle().Which.Text.Should().Contain("seen 25,600 times").And.Contain("Hold out 0.1");
        Of(o => o.HoldOutFraction = 0.1, images: 500).Should().BeEmpty();
    }

    [Fact]
    public void A_schedule_that_ends_in_an_image_is_told()
    {
        Of(_ => { }, schedule: NoiseSchedule.Linear(betaEnd: 0.002)).Should().ContainSingle().Which.Text.Should()
            .Match("*keeps 35*% of the power of the image*wrong brightness*");
        foreach (DiscreteSchedule usual in (DiscreteSchedule[])[NoiseSchedule.Linear(), NoiseSchedule.Linear(250),
            NoiseSchedule.ScaledLinear(), NoiseSchedule.Cosine(4000)])
        {
            Of(_ => { }, schedule: usual).Should().BeEmpty(usual.Description);
        }
    }

    [Fact]
    public void A_trainer_says_and_logs_what_is_unusual_and_trains_on()
    {
        CollectedLog log = new();
        using TinyModel model = new();
        using StripedImages images = new();
        using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images).UseLogger(log)
            .Configure(o => (o.Steps, o.BatchSize, o.GradientClip) = (2, 4, null)).Build();
        trainer.Warnings.Select(warning => warning.Option).Should().Contain(["BatchSize", "GradientClip"]);
        log.Lines.Should().Contain(trainer.Warnings.Select(warning => warning.ToString()));
        trainer.Run(TestContext.Current.CancellationToken).Step.Should().Be(2);
    }

    private static IReadOnlyList<TrainingWarning> Of(
        Action<TrainingOptions> change, INoiseSchedule? schedule = null, long images = Images, long parameters = LargeNetwork)
    {
        TrainingOptions options = new();
        change(options);
        return OptionWarnings.Of(options, schedule ?? NoiseSchedule.Cosine(), images, parameters);
    }
}

using Diffusion.TestKit;
using Microsoft.Extensions.Options;

namespace Diffusion.Training.Tests;

/// <summary>The schedule of a run as data in the options of its checkpoints.</summary>
public sealed class OptionScheduleTests
{
    public static TheoryData<INoiseSchedule> Schedules =>
    [
        NoiseSchedule.Cosine(),
        NoiseSchedule.Cosine(timesteps: 500),
        NoiseSchedule.Linear(),
        NoiseSchedule.Linear(333),
        NoiseSchedule.Linear(400, betaStart: 1.0 / 3000, betaEnd: 0.1 / 3),
        NoiseSchedule.Linear(betaEnd: 0.015),
        NoiseSchedule.ScaledLinear(),
        NoiseSchedule.ScaledLinear(1000, 0.00085, 0.0120001),
        NoiseSchedule.Sigmoid(4000),
        NoiseSchedule.Sigmoid(250, 2e-4, 0.07),
        new DiscreteSchedule([.. Enumerable.Range(0, 300).Select(t => 1e-4 + (t / 29_999.0))], "my own betas"),
        new DiscreteSchedule([.. Enumerable.Range(0, 4000).Select(t => 1e-5 + (t / 3_999_999.0))], "so many betas"),
        new EdmSchedule(),
        new EdmSchedule(0.01, 20),
        new FlowSchedule(),
        new FlowSchedule(shift: 3),
        NoiseSchedule.Laplace(500),
        NoiseSchedule.Exponential(),
        NoiseSchedule.Cosine().WithZeroTerminalSnr(),
        NoiseSchedule.Linear(400, 1e-3, 0.03).WithZeroTerminalSnr(),
        new DiscreteSchedule([.. Enumerable.Range(0, 300).Select(t => 1e-4 + (t / 29_999.0))], "my own betas").WithZeroTerminalSnr(),
    ];

    [Theory]
    [MemberData(nameof(Schedules), DisableDiscoveryEnumeration = true)]
    public void A_schedule_that_was_given_is_in_the_manifest_and_its_options_make_the_same_one_bit_for_bit(INoiseSchedule schedule)
    {
        using TemporaryFolder folder = new();
        TrainingOptions saved = Run(folder.Path, builder => builder.UseSchedule(schedule)).Options;

        INoiseSchedule made = saved.CreateSchedule();
        made.Description.Should().Be(schedule.Description);
        double[] times = [.. Enumerable.Range(0, 101)
            .Select(i => schedule.FirstTime + ((schedule.LastTime - schedule.FirstTime) * i / 100))];
        times.Select(made.At).Should().Equal(times.Select(schedule.At));
        if (schedule is DiscreteSchedule discrete)
        {
            Enumerable.Range(0, discrete.Timesteps).Select(t => ((DiscreteSchedule)made)[t]).Should()
                .Equal(Enumerable.Range(0, discrete.Timesteps).Select(t => discrete[t]));
            saved.Timesteps.Should().Be(discrete.Timesteps);
        }

        // The run resumes from its options alone, and as well with both.
        saved.Steps++;
        Run(folder.Path, builder => builder.UseOptions(saved)).Schedule.Should().Be(schedule.Description);
        saved.Steps++;
        Run(folder.Path, builder => builder.UseOptions(saved).UseSchedule(schedule)).Step.Should().Be(saved.Steps);
    }

    [Fact]
    public void The_options_say_which_curve_and_which_betas()
    {
        TrainingOptions options = new();
        OptionSchedule.Write(options, NoiseSchedule.Cosine(timesteps: 500));
        (options.Schedule, options.Timesteps, options.BetaStart, options.Betas, options.ScheduleDescription).Should()
            .Be((NoiseScheduleKind.Cosine, 500, null, null, null));
        OptionSchedule.Write(options, NoiseSchedule.Sigmoid(400, 1e-3, 0.03));
        (options.Schedule, options.Timesteps, options.BetaStart, options.BetaEnd).Should().Be((NoiseScheduleKind.Sigmoid, 400, 1e-3, 0.03));
        OptionSchedule.Write(options, NoiseSchedule.Linear());
        (options.Schedule, options.BetaStart, options.BetaEnd).Should()
            .Be((NoiseScheduleKind.Linear, null, null), "these betas are the usual ones");
    }

    [Fact]
    public void A_schedule_of_ones_own_type_is_told_by_name_and_must_be_given_again()
    {
        using TemporaryFolder folder = new();
        TrainingOptions saved = Run(folder.Path, builder => builder.UseSchedule(new OwnSchedule())).Options;
        saved.ScheduleDescription.Should().Be("mine");
        saved.Invoking(o => o.CreateSchedule()).Should().Throw<InvalidOperationException>()
            .WithMessage("*mine*only the program that made it*");

        saved.Steps++;
        FluentActions.Invoking(() => Run(folder.Path, builder => builder.UseOptions(saved))).Should().Throw<OptionsValidationException>()
            .WithMessage("*ScheduleDescription (mine) describes a schedule that only code can create. Pass it to UseSchedule*");
        FluentActions.Invoking(() => Run(folder.Path, builder => builder.UseOptions(saved).UseSchedule(NoiseSchedule.Linear()))).Should()
            .Throw<OptionsValidationException>().WithMessage("*UseSchedule sets linear*name mine*");
        Run(folder.Path, builder => builder.UseOptions(saved).UseSchedule(new OwnSchedule())).Step.Should().Be(saved.Steps);
    }

    public static TheoryData<Action<TrainingOptions>, string> Impossible => new()
    {
        { o => (o.Schedule, o.BetaStart) = (NoiseScheduleKind.Linear, 0), "BetaStart (0) must be above 0 and below 1" },
        { o => (o.Schedule, o.BetaEnd) = (NoiseScheduleKind.Linear, double.NaN), "BetaEnd (NaN) must be above 0 and below 1" },
        { o => o.BetaEnd = 0.02, "BetaEnd (0.02) must be left out with the schedule Cosine" },
        { o => o.Betas = [0.1, 0.2], "Betas (2 numbers) must be one for each of the 1000 Timesteps" },
        { o => (o.Timesteps, o.Betas, o.Schedule, o.BetaStart) = (250, new double[250], NoiseScheduleKind.Linear, 0.1),
            "BetaStart (0.1) must be left out with Betas" },
        { o => (o.Timesteps, o.Betas) = (250, new double[250]), "make no schedule: Beta 0 is 0" },
        { o => (o.Schedule, o.Timesteps) = ((NoiseScheduleKind)9, 3), "Schedule (9) must be a known schedule" },
        { o => o.FlowShift = 3, "FlowShift (3) must be left out with the schedule Cosine: only RectifiedFlow has it" },
        { o => (o.Schedule, o.FlowShift) = (NoiseScheduleKind.RectifiedFlow, 0), "make no schedule: The shift must be a number above 0" },
        { o => (o.Schedule, o.ZeroTerminalSnr) = (NoiseScheduleKind.RectifiedFlow, true),
            "ZeroTerminalSnr (true) must be false with the schedule RectifiedFlow" },
        { o => (o.Schedule, o.BetaStart) = (NoiseScheduleKind.Laplace, 1e-3),
            "BetaStart (0.001) must be left out with the schedule Laplace" },
        { o => o.Timesteps = 3, "Timesteps (3) must be in 250..4000" },
    };

    [Theory]
    [MemberData(nameof(Impossible), DisableDiscoveryEnumeration = true)]
    public void Values_that_make_no_schedule_are_refused_by_name(Action<TrainingOptions> change, string expected)
    {
        TrainingOptions options = new();
        change(options);
        options.Invoking(o => o.CreateSchedule()).Should().Throw<ArgumentException>().WithMessage($"*{expected}*");
        using TinyModel model = new();
        using StripedImages images = new();
        FluentActions.Invoking(() => Trainer.For(model).UseData(images).UseOptions(options).Build()).Should()
            .Throw<OptionsValidationException>().WithMessage($"*{expected}*");
    }

    private static CheckpointManifest Run(string folder, Func<TrainerBuilder, TrainerBuilder> change)
    {
        using TinyModel model = new();
        using StripedImages images = new();
        TrainerBuilder builder = change(Trainer.For(model)).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images)
            .UsePrediction(PredictionType.Velocity);
        using (Trainer trainer = builder.Configure(o =>
        {
            (o.RunFolder, o.BatchSize) = (folder, 4);
            o.Steps = o.Steps > 100 ? 1 : o.Steps;
        }).Build())
        {
            trainer.Run(TestContext.Current.CancellationToken);
        }

        using CheckpointStore store = new(folder);
        return store.ReadLatestManifest()!;
    }

    private sealed class OwnSchedule : INoiseSchedule
    {
        private readonly DiscreteSchedule linear = NoiseSchedule.Linear(500);

        public double FirstTime => linear.FirstTime;

        public double LastTime => linear.LastTime;

        public string Description => "mine";

        public NoiseLevel At(double time) => linear.At(time);

        public double TimeOf(double halfLogSnr) => linear.TimeOf(halfLogSnr);

        public NoiseLevel WithHalfLogSnr(double halfLogSnr) => linear.WithHalfLogSnr(halfLogSnr);
    }
}

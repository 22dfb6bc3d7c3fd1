using System.Text.Json;
using Diffusion.Data;
using Diffusion.TestKit;
using Microsoft.Extensions.Options;
using TorchSharp;

namespace Diffusion.Training.Tests.Tuning.Planning;

public sealed class TrainingPlanTests
{
    private static readonly TimeSpan PerImage = TimeSpan.FromMilliseconds(100);

    private readonly MovedTime time = new();

    [Fact]
    public void Time_follows_from_the_measured_steps()
    {
        TrainingPlan plan = Plan(o => o.Steps = 1000);

        plan.Calibration.StepTime.Should().Be(4 * PerImage);
        plan.Calibration.DataWaitShare.Should().BeInRange(0, 1);
        plan.Duration.Should().BeCloseTo(TimeSpan.FromSeconds(400), TimeSpan.FromMilliseconds(1));
        plan.SuggestedDuration.Should().BeCloseTo(plan.Suggested.Steps * 4 * PerImage, TimeSpan.FromMilliseconds(1));
        plan.FirstSamplesAfter.Should().BeCloseTo(plan.FirstSamplesStep * 4 * PerImage, TimeSpan.FromMilliseconds(1));
        plan.StepsWithin(TimeSpan.FromSeconds(100)).Should().Be(250);
    }

    [Fact]
    public void The_last_step_is_measured_on_held_out_images_too()
    {
        TrainingPlan measured = Plan(o => (o.Steps, o.HoldOutFraction, o.HoldOutEverySteps) = (500, 0.25, 200));
        TrainingPlan plan = TrainingPlanner.Of(
            measured.Facts with { Calibration = measured.Calibration with { ForwardTime = TimeSpan.FromSeconds(1) } });

        double pauses = (plan.Duration - (500 * plan.Calibration.StepTime)).TotalSeconds;
        double of400 = (plan.WithSteps(400).Duration - (400 * plan.Calibration.StepTime)).TotalSeconds;

        pauses.Should().BeApproximately(1.5 * of400, 1e-6).And.BePositive("three measurements, and two in 400 steps");
    }

    [Theory]
    [InlineData(300, 1)]
    [InlineData(1100, 3)]
    [InlineData(1200, 3)]
    public void A_time_limit_ends_a_run_after_the_step_that_begins_within_it(int milliseconds, long steps)
    {
        TrainingPlan plan = Plan(o => (o.Steps, o.TimeLimit) = (1000, TimeSpan.FromMilliseconds(milliseconds)));

        plan.Steps.Should().Be(steps);
        plan.StepsWithin(TimeSpan.FromMilliseconds(milliseconds)).Should().Be(steps);
        plan.WithSteps(500).Steps.Should().Be(500, "a number of steps is what was asked for");
    }

    [Fact]
    public void Numbers_too_large_for_a_plan_end_at_the_largest_there_is()
    {
        TrainingPlan plan = Plan(o => o.Steps = 1000);

        plan.WithSteps(long.MaxValue / 2).ImagesSeen.Should().Be(long.MaxValue);
        StepCalibration slow = plan.Calibration with { ForwardTime = TimeSpan.FromDays(300) };
        TrainingPlanner.Of(plan.Facts with { Calibration = slow,
            Plan = new PlanOptions { SampledImages = 1_000_000, SamplerSteps = 10_000 } })
            .SamplingTime.Should().BeGreaterThan(TimeSpan.FromDays(1_000_000));
    }

    [Fact]
    public void The_checkpoint_that_a_run_begins_with_to_go_back_to_is_counted()
    {
        using TemporaryFolder folder = new();
        using TinyModel model = new();
        using StripedImages images = new();
        TrainerBuilder builder = Builder(model, images).UseTimeProvider(new MovedTime(TimeSpan.FromSeconds(1)))
            .UseCheckpoints(folder.Path, everySteps: 4)
            .Configure(o => (o.Steps, o.Health) = (4, o.Health with { OnDivergence = DivergencePolicy.RollBack }));
        TrainingPlan plan = builder.Plan(cancellationToken: TestContext.Current.CancellationToken);
        using Trainer trainer = builder.Build();

        trainer.Run(TestContext.Current.CancellationToken);

        plan.MaxCheckpoints.Should().Be(Directory.GetDirectories(folder.File("checkpoints")).Length).And.Be(2);
    }

    [Fact]
    public void The_process_keeps_its_number_of_threads()
    {
        using TinyModel model = new();
        using StripedImages images = new();
        int before = torch.get_num_threads();
        try
        {
            torch.set_num_threads(2);
            Builder(model, images).UseTimeProvider(new MovedTime(TimeSpan.FromSeconds(1)))
                .Plan(cancellationToken: TestContext.Current.CancellationToken);

            torch.get_num_threads().Should().Be(2);
        }
        finally
        {
            torch.set_num_threads(before);
        }
    }

    [Fact]
    public void It_counts_images_epochs_and_passes()
    {
        TrainingPlan plan = Plan(o => (o.Steps, o.MicroBatchSize, o.HoldOutFraction) = (1000, 2, 0.25));

        (plan.Images, plan.HeldOutImages, plan.BatchSize, plan.MicroBatchSize).Should().Be((150L, 50L, 4, 2));
        (plan.Steps, plan.ImagesSeen, plan.Epochs).Should().Be((1000L, 4000L, 4000.0 / 150));
        plan.Suggested.Should().Be(StepsTable.For(150, new ImageShape(1, 8, 8), 4));
    }

    [Fact]
    public void A_time_limit_ends_the_planned_run()
    {
        TrainingPlan plan = Plan(o => (o.Steps, o.TimeLimit) = (1000, TimeSpan.FromSeconds(40)));
        plan.Steps.Should().Be(100);
        plan.Duration.Should().BeCloseTo(TimeSpan.FromSeconds(40), TimeSpan.FromMilliseconds(1));
    }

    [Fact]
    public void First_samples_come_after_the_warm_up_and_sooner_at_higher_rates()
    {
        long At(double rate) =>
            Plan(o => (o.Steps, o.LearningRate) = (1000, LearningRate.Constant(rate).WithWarmup(50))).FirstSamplesStep - 50;
        double usual = BatchSizeScaling.LearningRate(4);
        At(2 * usual).Should().BeCloseTo(At(usual) / 2, 1);
        At(usual / 2).Should().BeCloseTo(At(usual) * 2, 1);
        At(1).Should().BeCloseTo(At(usual) / 10, 1);
    }

    [Fact]
    public void Checkpoints_take_the_space_that_the_plan_says()
    {
        using TemporaryFolder folder = new();
        using TinyModel model = new();
        using StripedImages images = new();
        TrainerBuilder builder = Builder(model, images).UseTimeProvider(new MovedTime(TimeSpan.FromSeconds(1)))
            .UseCheckpoints(folder.Path, everySteps: 4).Configure(o => o.Steps = 20);
        TrainingPlan plan = builder.Plan(cancellationToken: TestContext.Current.CancellationToken);
        Directory.GetFileSystemEntries(folder.Path).Should().BeEmpty();

        using Trainer trainer = builder.Build();
        string checkpoint = trainer.Run(TestContext.Current.CancellationToken).Checkpoint!;
        long tensors = 0;
        foreach (string file in Directory.GetFiles(checkpoint, "*.safetensors"))
        {
            using SafeTensors read = SafeTensorsFile.Read(file);
            tensors += read.Tensors.Values.Sum(tensor => tensor.NumberOfElements * tensor.ElementSize);
        }

        plan.CheckpointBytes.Should().Be(tensors);
        plan.MaxCheckpoints.Should().Be(3);
        plan.CheckpointSpace.Should().Be(3 * tensors);
    }

    [Fact]
    public void A_run_without_a_folder_takes_no_space_and_is_told_so()
    {
        TrainingPlan plan = Plan(o => o.Steps = 1000);
        plan.CheckpointSpace.Should().Be(0);
        plan.Notes.Should().Contain("Nothing is saved. Give the run a folder with UseCheckpoints.");
    }

    [Theory]
    [InlineData(10, "The run ends at step 10, before its samples should be recognizable")]
    [InlineData(10_000, "of the suggested steps: good for a first look")]
    [InlineData(10_000_000, "times the suggested steps. Hold images out")]
    public void A_run_that_is_too_short_or_too_long_is_told_so(long steps, string note) =>
        Plan(o => o.Steps = steps).Notes.Should().Contain(each => each.Contains(note));

    [Fact]
    public void A_long_run_that_holds_images_out_is_not_told_to() =>
        Plan(o => (o.Steps, o.HoldOutFraction) = (10_000_000, 0.25)).Notes.Should()
            .ContainSingle(
                note => note.EndsWith("times the suggested steps. The held-out loss shows whether it overfits."));

    [Fact]
    public void A_run_that_waits_for_images_is_told_so()
    {
        TrainingPlan plan = Plan(o => o.Steps = 1000);
        StepCalibration waiting = plan.Calibration with { DataWaitShare = 0.3 };
        TrainingPlanner.Of(plan.Facts with { Calibration = waiting }).Notes.Should()
            .Contain(note => note.StartsWith("30% of the time is spent waiting for images. Raise Loading.Workers"));
    }

    [Fact]
    public void Sampling_is_so_many_forward_passes()
    {
        using TinyModel model = new(classCount: 3);
        using StripedImages images = new(classCount: 3);
        TrainingPlan plan = Builder(model, images).UseTimeProvider(new MovedTime(TimeSpan.FromSeconds(1)))
            .Plan(sampledImages: 8, samplerSteps: 30, TestContext.Current.CancellationToken);
        plan.Calibration.ForwardTime.Should().Be(TimeSpan.FromSeconds(1));
        plan.SamplingTime.Should().BeCloseTo(plan.Calibration.ForwardTime * 30 * 8 / 4, TimeSpan.FromTicks(10));
    }

    [Fact]
    public void Planning_changes_nothing_and_leaves_no_tensor_behind()
    {
        using TinyModel model = new(dropoutProbability: 0.2);
        using StripedImages images = new();
        byte[][] weights = [.. model.parameters().Select(parameter => parameter.bytes.ToArray())];
        using torch.Tensor generator = torch.random.get_rng_state();
        TrainerBuilder builder = Builder(model, images).UseTimeProvider(new MovedTime(TimeSpan.FromSeconds(1)));
        LiveTensors.GrowthOver(2, () => builder.PlanWith(new PlanOptions { CalibrationSteps = 1 }, TestContext.Current.CancellationToken))
            .Should().Be(0);

        model.parameters().Select(parameter => parameter.bytes.ToArray()).Should()
            .BeEquivalentTo(weights, options => options.WithStrictOrdering());
        using torch.Tensor after = torch.random.get_rng_state();
        after.bytes.ToArray().Should().Equal(generator.bytes.ToArray());
    }

    [Fact]
    public void It_can_be_canceled()
    {
        using CancellationTokenSource stop = new();
        int reads = 0;
        using TinyModel model = new();
        WatchedImages images = new(new StripedImages(), _ =>
        {
            if (++reads == 100)
            {
                stop.Cancel();
            }
        });
        FluentActions.Invoking(() => Builder(model, images).PlanWith(new PlanOptions { CalibrationSteps = 1000 }, stop.Token)).Should()
            .Throw<OperationCanceledException>();
        reads.Should().BeLessThan(200);
    }

    [Fact]
    public void Every_problem_is_listed_at_once()
    {
        using TinyModel model = new();
        PlanOptions wrong = new() { CalibrationSteps = 0, SamplerSteps = 0, SampledImages = 0 };
        TrainerBuilder builder = Trainer.For(model).Configure(o => o.BatchSize = 0);
        builder.Invoking(b => b.PlanWith(wrong, TestContext.Current.CancellationToken)).Should()
            .Throw<OptionsValidationException>()
            .Which.Failures.Should().Contain(
            [
                "calibrationSteps (0) must be in 1..1000. Use 8.",
                "samplerSteps (0) must be in 1..10000. Use 50.",
                "sampledImages (0) must be in 1..1000000. Use 16.",
                "BatchSize (0) must be in 1..65536. Use 64.",
            ]);
    }

    [Fact]
    public void Another_number_of_steps_is_planned_without_measuring_again()
    {
        TrainingPlan plan = Plan(o => (o.Steps, o.RunFolder) = (1000, "never made"));
        TimeSpan before = time.GetElapsedTime(0);
        TrainingPlan longer = plan.WithSteps(200_000);
        time.GetElapsedTime(0).Should().Be(before);

        longer.Duration.Should().BeCloseTo(200 * plan.Duration, TimeSpan.FromMilliseconds(1));
        longer.FirstSamplesStep.Should().BeGreaterThan(plan.FirstSamplesStep, "the warm-up is longer");
        longer.MaxCheckpoints.Should().Be(3);
        plan.MaxCheckpoints.Should().Be(1);
        FluentActions.Invoking(() => plan.WithSteps(0)).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void The_report_names_every_part()
    {
        string report = Plan(o => o.Steps = 10_000).ToReport();
        report.Should().ContainAll(
            "images         200 of 1 x 8 x 8\n", "batch          4\n", "learning rate  2e-4\n", "400 ms per step, 10.0 images/s",
                "this run       10,000 steps, 40,000 images, 200.0 epochs: 1 h 6 min\n",
            "22,000 steps at batch 64, 16 times as many at batch 4.", "recognizable from about step", "16 images in 50 steps",
                "note           Nothing is saved");
    }

    [Fact]
    public void The_json_holds_what_the_plan_holds()
    {
        TrainingPlan plan = Plan(o => o.Steps = 1000);
        using JsonDocument json = JsonDocument.Parse(plan.ToJson());
        json.RootElement.GetProperty("steps").GetInt64().Should().Be(1000);
        json.RootElement.GetProperty("duration").GetString().Should().Be("00:06:40");
        json.RootElement.GetProperty("suggested").GetProperty("reason").GetString().Should().Be(plan.Suggested.Reason);
        json.RootElement.GetProperty("calibration").GetProperty("stepTime").GetString().Should().Be("00:00:00.4000000");
        json.RootElement.GetProperty("notes").GetArrayLength().Should().Be(plan.Notes.Count);
        json.RootElement.TryGetProperty("time", out _).Should().BeFalse();
    }

    [Fact]
    public void What_remains_of_a_run_counts_what_interrupts_it()
    {
        List<TimeSpan> remaining = [];
        using TinyModel model = new();
        using Trainer trainer = Builder(model, Slow())
            .UseTimeProvider(time)
            .AddPreview(4, _ => time.Move(TimeSpan.FromSeconds(5)))
            .ReportTo(new Observer(progress => remaining.Add(progress.Remaining)))
            .Configure(o => (o.Steps, o.ReportEverySteps, o.Loading) = (20, 3, new LoadingOptions { Workers = 0 }))
            .Build();
        trainer.Run(TestContext.Current.CancellationToken);

        // At steps 3, 6, 9, ...: four images a step, 0.4 s; previews at 8, 12, 16, 20 are known of from step 4 on.
        remaining.Select(each => Math.Round(each.TotalSeconds, 2)).Should()
            .Equal(6.8, 5.6 + 20, 4.4 + 15, 3.2 + 10, 2.0 + 10, 0.8 + 5, 0);
    }

    private TrainingPlan Plan(Action<TrainingOptions> configure)
    {
        using TinyModel model = new();
        return Builder(model, Slow()).UseTimeProvider(time).Configure(o => o.Loading = new LoadingOptions { Workers = 0 })
            .Configure(configure).Plan(cancellationToken: TestContext.Current.CancellationToken);
    }

    private WatchedImages Slow() => new(new StripedImages(200), _ => time.Move(PerImage));

    private static TrainerBuilder Builder(TinyModel model, IImageSource images) =>
        Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(images).Configure(o => (o.BatchSize, o.Steps) = (4, 1000));

    private sealed class Observer(Action<TrainingProgress> action) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => action(value);
    }
}

using System.Diagnostics.Metrics;
using System.Security.Cryptography;
using Diffusion.TestKit;
using Diffusion.Training.Tests.Distributed;
using Microsoft.Extensions.Options;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests;

/// <summary>Runs whose network computes in float16 with a loss scale.</summary>
public sealed class Float16Tests
{
    [Fact]
    public void The_network_computes_in_float16_while_it_trains_and_learns_as_in_float32()
    {
        using PixelMixer half = new(seed: 3);
        using PixelMixer exact = new(seed: 3);
        List<ScalarType> meanwhile = [];

        List<TrainingProgress> halves = Train(half, steps: 12, observe: _ => meanwhile.Add(half.parameters().First().dtype));
        List<TrainingProgress> exacts = Train(exact, steps: 12, o => o.Precision = Precision.Float32);

        meanwhile.Should().NotBeEmpty().And.AllBeEquivalentTo(ScalarType.Float16);
        half.parameters().Should().OnlyContain(parameter => parameter.dtype == ScalarType.Float32);
        halves.Zip(exacts).Should().AllSatisfy(pair => pair.First.Loss.Should().BeApproximately(pair.Second.Loss, 0.02 * pair.Second.Loss));
        halves.Zip(exacts).Should().AllSatisfy(pair =>
            pair.First.GradientNorm.Should().BeApproximately(pair.Second.GradientNorm, 0.1 * pair.Second.GradientNorm));
        Blocks(halves[0]).Zip(Blocks(exacts[0])).Should().AllSatisfy(pair =>
            pair.First.Should().BeApproximately(pair.Second, 0.1 * pair.Second));
        halves.Should().OnlyContain(report => report.LossScale == 65_536 && report.OverflowedSteps == 0);
        exacts.Should().OnlyContain(report => report.LossScale == null);

        static double[] Blocks(TrainingProgress report) =>
            [.. report.GradientsByBlock.OrderBy(block => block.Key, StringComparer.Ordinal).Select(block => block.Value)];
    }

    [Fact]
    public void The_noise_scale_is_that_of_float32_while_the_loss_scale_grows()
    {
        double half = NoiseScale(Precision.Float16);
        double exact = NoiseScale(Precision.Float32);

        half.Should().BeApproximately(exact, 0.2 * exact).And.NotBe(exact);

        static double NoiseScale(Precision precision)
        {
            using PixelMixer mixer = new(seed: 3);
            return Train(mixer, steps: 12, o =>
            {
                o.Precision = precision;
                o.LearningRate = LearningRate.Constant(1e-4).WithWarmup(0);
                o.Health = o.Health with { NoiseScaleEverySteps = 2 };
                o.LossScale = new LossScaleOptions { Initial = 256, GrowthSteps = 1 };
            })[^1].GradientNoiseScale!.Value;
        }
    }

    [Fact]
    public void A_step_that_overflows_is_skipped_and_counted_and_is_no_finding()
    {
        using TemporaryFolder folder = new();
        using SteepModel model = new(new PixelMixer(seed: 3), call => call == 8 ? SteepModel.Steep : 0); // step 4, second pass
        List<TrainingProgress> reports = Train(model, steps: 6, o =>
        {
            (o.RunFolder, o.CheckpointEverySteps, o.KeepCheckpoints) = (folder.Path, 1, 9);
        });

        reports.Select(report => report.OverflowedSteps).Should().Equal(0, 0, 0, 1, 1, 1);
        reports.Select(report => report.LossScale).Should().Equal(65_536, 65_536, 65_536, 32_768, 32_768, 32_768);
        reports.Should().OnlyContain(report => report.SkippedSteps == 0 && report.FirstSkippedStep == null && report.Findings.Count == 0);
        double.IsNaN(reports[3].Loss).Should().BeTrue("no step counts in the loss of this report");
        SavedFiles(folder, 4).Should().Equal(SavedFiles(folder, 3));
        SavedFiles(folder, 5).Should().NotEqual(SavedFiles(folder, 4));
    }

    [Fact]
    public void Steps_that_overflow_one_after_the_other_end_no_run_while_the_scale_can_fall()
    {
        using SteepModel model = new(new PixelMixer(seed: 3), _ => SteepModel.Steep);

        List<TrainingProgress> reports = Train(model, steps: 16);

        TrainingProgress last = reports[^1];
        last.OverflowedSteps.Should().BeInRange(7, 14).And.Be((long)Math.Log2(65_536 / last.LossScale!.Value));
        last.SkippedSteps.Should().Be(0);
        double.IsFinite(last.Loss).Should().BeTrue();
        reports.SelectMany(report => report.Findings).Should().NotContain(finding => finding.Kind == FindingKind.SkippedSteps);
    }

    [Fact]
    public void Gradients_that_overflow_even_at_the_least_scale_end_the_run()
    {
        using SteepModel model = new(new PixelMixer(seed: 3), _ => double.PositiveInfinity);
        List<TrainingProgress> reports = [];

        FluentActions.Invoking(() => Train(model, steps: 40, o => o.LossScale = new LossScaleOptions { Initial = 8 }, reports.Add))
            .Should().Throw<TrainingDivergedException>().WithMessage("The gradients of the last 8 steps up to step 11 *");

        reports.Select(report => report.OverflowedSteps).Should().Equal(1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3);
        reports.Select(report => report.SkippedSteps).Should().Equal(0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8);
        reports.First(report => report.Findings.Any(finding => finding.Kind == FindingKind.SkippedSteps)).Step.Should().Be(4);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_run_resumed_within_a_growth_interval_ends_with_the_same_bits(bool checkpointing)
    {
        using TemporaryFolder folder = new();
        using SteepModel whole = Model(3);
        using SteepModel begun = Model(3);
        using SteepModel resumed = Model(4);

        List<TrainingProgress> all = Train(whole, steps: 24, Configure("whole"));
        List<TrainingProgress> parts = Train(begun, steps: 24, Configure("run", checkpointing), stopAt: 14);
        parts.AddRange(Train(resumed, steps: 24, Configure("run", checkpointing)));

        parts.Select(Numbers).Should().Equal(all.Select(Numbers));
        all.Select(report => report.LossScale).Distinct().Should().HaveCountGreaterThan(7, "the scale falls, and grows again");
        all.Select(report => report.LossScale).Zip(all.Skip(1)).Should().Contain(pair => pair.Second.LossScale > pair.First);
        Bytes(resumed).Should().Equal(Bytes(whole)).And.NotEqual(Bytes(begun));
        CheckpointManifest manifest = Manifest(folder, "run");
        (manifest.LossScale, manifest.OverflowedSteps).Should().Be((all[^1].LossScale, all[^1].OverflowedSteps));
        manifest.LossScaleGoodSteps.Should().BeInRange(0, 2);

        static SteepModel Model(long seed) => new(new PixelMixer(seed), _ => SteepModel.Steep);
        static (double, double?, long) Numbers(TrainingProgress report) => (report.GradientNorm, report.LossScale, report.OverflowedSteps);
        Action<TrainingOptions> Configure(string run, bool checkpointing = false) => o =>
        {
            o.RunFolder = folder.File(run);
            o.GradientCheckpointing = checkpointing ? GradientCheckpointing.All : GradientCheckpointing.None;
            o.LossScale = new LossScaleOptions { GrowthSteps = 3 };
        };
    }

    [Fact]
    public void A_run_that_resumes_in_another_precision_keeps_its_count_and_begins_with_a_new_scale()
    {
        using TemporaryFolder folder = new();
        using SteepModel model = new(new PixelMixer(seed: 3), call => call <= 6 ? SteepModel.Steep : 0);
        Action<TrainingOptions> To(Precision precision) => o => (o.RunFolder, o.Precision) = (folder.Path, precision);

        Train(model, steps: 4, To(Precision.Float16))[^1].LossScale.Should().Be(8192);
        Train(model, steps: 6, To(Precision.Float32))[^1].OverflowedSteps.Should().Be(3);
        TrainingProgress last = Train(model, steps: 8, To(Precision.Float16))[^1];

        (last.Step, last.OverflowedSteps, last.LossScale).Should().Be((8, 3, 65_536));
    }

    [Fact]
    public void An_overflow_of_one_rank_skips_the_step_on_all()
    {
        SharedRun run = new()
        {
            Steps = 10,
            MicroBatchSize = 4,
            Configure = o => (o.Precision, o.LossScale) = (Precision.Float16, new LossScaleOptions { GrowthSteps = 4 }),
            Model = rank => new SteepModel(
                new PixelMixer(seed: 1), call => rank == 1 && call is 7 or 8 ? SteepModel.Steep : 0), // step 4
        };

        SharedRun.Outcome[] ranks = run.On(2);

        ranks[0].Reports.Select(report => report.OverflowedSteps).Should().Equal(0, 0, 0, 1, 1, 1, 1, 1, 1, 1);
        ranks[0].Reports.Select(report => report.LossScale).Should().Equal(
            65_536, 65_536, 65_536, 32_768, 32_768, 32_768, 32_768, 65_536, 65_536, 65_536);
        ranks[0].Reports.Should().OnlyContain(report => report.SkippedSteps == 0);
        ranks[1].Weights.Should().Equal(ranks[0].Weights).And.NotContain(weight => !float.IsFinite(weight));
        ranks[1].Average.Should().Equal(ranks[0].Average);
    }

    [Fact]
    public void Ranks_resume_with_the_scale_of_the_run()
    {
        using TemporaryFolder whole = new();
        using TemporaryFolder parts = new();
        SharedRun To(long steps, TemporaryFolder folder) => new()
        {
            Steps = steps,
            MicroBatchSize = 4,
            Folder = folder.Path,
            Configure = o => (o.Precision, o.LossScale) = (Precision.Float16, new LossScaleOptions { GrowthSteps = 3 }),
            Model = rank => new SteepModel(new PixelMixer(seed: 1 + rank), _ => SteepModel.Steep),
        };

        SharedRun.Outcome[] all = To(20, whole).On(2);
        To(13, parts).On(2);
        SharedRun.Outcome[] resumed = To(20, parts).On(2);

        resumed[0].Reports.Select(report => report.LossScale).Should().Equal(all[0].Reports.Skip(13).Select(report => report.LossScale));
        resumed[0].Weights.Should().Equal(all[0].Weights);
        resumed[1].Weights.Should().Equal(all[0].Weights);
    }

    [Fact]
    public void The_learning_rate_is_swept_past_steps_that_overflow()
    {
        using SteepModel model = new(new PixelMixer(seed: 3), call => call <= 4 ? SteepModel.Steep : 0);
        using StripedImages images = new(size: 8);

        LrRange range = StripedRun.Builder(model, images, steps: 100).Configure(o => o.Precision = Precision.Float16)
            .BuildLrRangeFinder(new LrRangeOptions { Steps = 20, Highest = 1e-2, ConfirmationSteps = 0 })
            .Run(cancellationToken: TestContext.Current.CancellationToken);

        range.End.Should().NotBe(LrRangeEnd.NotFinite);
    }

    [Fact]
    public void Metrics_and_log_tell_of_steps_that_overflow()
    {
        Dictionary<string, double> metrics = new(StringComparer.Ordinal);
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, all) =>
        {
            if (instrument.Meter.Name == TrainingMetrics.MeterName)
            {
                all.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) =>
            metrics[instrument.Name] = metrics.GetValueOrDefault(instrument.Name) + value);
        listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => metrics[instrument.Name] = value);
        listener.Start();
        CollectedLog log = new();
        using SteepModel model = new(new PixelMixer(seed: 3), call => call is 2 or 4 ? SteepModel.Steep : 0);
        using StripedImages images = new(size: 8);
        using Trainer trainer = StripedRun.Builder(model, images, steps: 6).UseLogger(log)
            .Configure(o => (o.Precision, o.ReportEverySteps) = (Precision.Float16, 3)).Build();

        trainer.Run(TestContext.Current.CancellationToken);

        metrics["diffusion.training.overflowed_steps"].Should().Be(2);
        metrics["diffusion.training.skipped_steps"].Should().Be(0);
        metrics["diffusion.training.loss_scale"].Should().Be(16_384);
        log.Lines.Where(line => line.Contains("skipped", StringComparison.Ordinal)).Should().ContainSingle().Which.Should().Contain(
            "2 of the last 3 steps were skipped because their gradients overflowed float16; the loss scale is now 16384; 2 such steps");
    }

    [Fact]
    public void Impossible_options_of_the_scale_are_refused_with_the_other_problems()
    {
        using PixelMixer mixer = new(seed: 3);
        using StripedImages images = new(size: 8);

        StripedRun.Builder(mixer, images, steps: 0).Configure(o => o.LossScale = new LossScaleOptions { Initial = 1000, GrowthSteps = 0 })
            .Invoking(b => b.Build()).Should().Throw<OptionsValidationException>().Which.Failures.Should()
            .Contain("LossScale.Initial (1000) must be a power of two in 1..16777216. Use 65536.")
            .And.Contain("LossScale.GrowthSteps (0) must be in 1..1000000. Use 2000.")
            .And.Contain(problem => problem.StartsWith("Steps", StringComparison.Ordinal));
    }

    private static List<TrainingProgress> Train(
        IDiffusionModel model, int steps, Action<TrainingOptions>? configure = null, Action<TrainingProgress>? observe = null,
        int? stopAt = null)
    {
        List<TrainingProgress> reports = [];
        StripedRun.Train(
            model, steps, o =>
            {
                o.Precision = Precision.Float16;
                configure?.Invoke(o);
            },
            progress =>
            {
                reports.Add(progress);
                observe?.Invoke(progress);
            },
            stopAt);
        return reports;
    }

    private static byte[] Bytes(IDiffusionModel model) =>
        [.. model.Network.parameters().SelectMany(parameter => parameter.bytes.ToArray())];

    // Name and digest of every file but the manifest, which holds step and scale.
    private static string[] SavedFiles(TemporaryFolder folder, int step)
    {
        string checkpoint = Path.Combine(folder.Path, "checkpoints", $"step-{step:D9}");
        return [.. Directory.GetFiles(checkpoint, "*.safetensors").Order(StringComparer.Ordinal)
            .Select(file => Path.GetFileName(file) + Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file))))];
    }

    private static CheckpointManifest Manifest(TemporaryFolder folder, string run)
    {
        using CheckpointStore store = new(Path.Combine(folder.File(run), "checkpoints"));
        return store.ReadLatestManifest()!;
    }
}

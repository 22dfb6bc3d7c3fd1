using System.Diagnostics.Metrics;
using Diffusion.TestKit;

namespace Diffusion.Training.Tests.Observers;

/// <summary>The meter and TensorBoard's files.</summary>
public sealed class TrainingMetricsTests
{
    [Fact]
    public void A_listener_hears_of_steps_images_loss_and_findings()
    {
        Dictionary<string, double> sums = new(StringComparer.Ordinal);
        List<string?> kinds = [];
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, all) =>
        {
            if (instrument.Meter.Name == TrainingMetrics.MeterName)
            {
                all.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            sums[instrument.Name] = sums.GetValueOrDefault(instrument.Name) + value;
            kinds.AddRange(tags.ToArray().Where(tag => tag.Key == "kind").Select(tag => tag.Value?.ToString()));
        });
        listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => sums[instrument.Name] = value);
        listener.Start();

        Train(limit: 1e-6);

        sums["diffusion.training.steps"].Should().Be(6);
        sums["diffusion.training.images"].Should().Be(24);
        sums["diffusion.training.skipped_steps"].Should().Be(6);
        sums["diffusion.training.findings"].Should().Be(1);
        kinds.Should().Equal("SkippedSteps");
        sums.Should().ContainKeys("diffusion.training.loss", "diffusion.training.gradient_norm", "diffusion.training.learning_rate",
            "diffusion.training.images_per_second");
    }

    [Fact]
    public void Each_run_of_a_process_has_its_own_gauges_in_the_meter_of_the_factory()
    {
        using MeterFactory factory = new();
        Dictionary<(string Name, string Run), double> values = [];
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, all) =>
        {
            if (factory.Meters.Contains(instrument.Meter))
            {
                all.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) =>
            values[(instrument.Name, RunOf(tags))] = value);
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
            values[(instrument.Name, RunOf(tags))] = values.GetValueOrDefault((instrument.Name, RunOf(tags))) + value);
        listener.Start();

        Train(limit: null, telemetry: ("cats", factory), rate: 1e-3);
        Train(limit: null, telemetry: ("dogs", factory), rate: 2e-3);

        values[("diffusion.training.learning_rate", "cats")].Should().Be(1e-3);
        values[("diffusion.training.learning_rate", "dogs")].Should().Be(2e-3);
        values[("diffusion.training.steps", "cats")].Should().Be(6);
        values[("diffusion.training.steps", "dogs")].Should().Be(6);
        values.Keys.Should().OnlyContain(key => key.Run == "cats" || key.Run == "dogs");
    }

    [Fact]
    public void A_finding_after_the_last_report_is_counted_too()
    {
        using MeterFactory factory = new();
        List<string?> kinds = [];
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, all) =>
        {
            if (factory.Meters.Contains(instrument.Meter))
            {
                all.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, _, tags, _) =>
            kinds.AddRange(tags.ToArray().Where(tag => tag.Key == "kind").Select(tag => tag.Value?.ToString())));
        listener.Start();
        using TinyModel model = new();
        using StripedImages images = new();
        using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(images).UseTelemetry("cats", factory)
            .Configure(o => (o.Steps, o.BatchSize, o.ReportEverySteps) = (6, 4, 3))
            .ReportTo(report =>
            {
                if (report.Step == 6)
                {
                    throw new InvalidOperationException("full");
                }
            }).Build();

        TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);

        kinds.Should().Equal("CallbackFailed");
        result.Findings.Should().ContainSingle();
    }

    [Fact]
    public void TensorBoard_shows_every_report_of_a_run()
    {
        using TemporaryFolder folder = new();

        Train(limit: null, new TensorBoardWriter(Path.Combine(folder.Path, "board")));

        foreach (string tag in (string[])["loss/training", "loss by log-SNR/below -4", "gradients by block/conv_in", "run/learning rate"])
        {
            TensorBoardFiles.Shown(Path.Combine(folder.Path, "board"), tag).Select(point => point.Step).Should().Equal(3, 6);
        }
    }

    private static string RunOf(ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
        (string)tags.ToArray().Single(tag => tag.Key == "run").Value!;

    private static void Train(double? limit, TensorBoardWriter? board = null, (string Run, IMeterFactory Meters)? telemetry = null,
        double rate = 2e-4)
    {
        using TinyModel model = new();
        using StripedImages images = new();
        TrainerBuilder builder = Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(images)
            .UseLearningRate(LearningRate.Constant(rate).WithWarmup(0))
            .Configure(o => (o.Steps, o.BatchSize, o.ReportEverySteps, o.Health) = (6, 4, 3,
                new HealthOptions { MaxGradientNorm = limit }));
        if (board is not null)
        {
            builder.ReportTo(board);
        }

        if (telemetry is { } named)
        {
            builder.UseTelemetry(named.Run, named.Meters);
        }

        using Trainer trainer = builder.Build();
        trainer.Run(TestContext.Current.CancellationToken);
    }

    private sealed class MeterFactory : IMeterFactory
    {
        private readonly List<Meter> meters = [];

        public IReadOnlyList<Meter> Meters => meters;

        public Meter Create(MeterOptions options)
        {
            meters.Add(new Meter(options));
            return meters[^1];
        }

        public void Dispose() => meters.ForEach(meter => meter.Dispose());
    }
}

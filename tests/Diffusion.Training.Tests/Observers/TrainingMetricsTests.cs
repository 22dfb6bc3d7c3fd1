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
            kinds.AddRange(tags.ToArray().Select(tag => tag.Value?.ToString()));
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
    public void TensorBoard_shows_every_report_of_a_run()
    {
        using TemporaryFolder folder = new();

        Train(limit: null, new TensorBoardWriter(Path.Combine(folder.Path, "board")));

        foreach (string tag in (string[])["loss/training", "loss by log-SNR/below -4", "gradients by block/conv_in", "run/learning rate"])
        {
            TensorBoardFiles.Shown(Path.Combine(folder.Path, "board"), tag).Select(point => point.Step).Should().Equal(3, 6);
        }
    }

    private static void Train(double? limit, TensorBoardWriter? board = null)
    {
        using TinyModel model = new();
        using StripedImages images = new();
        TrainerBuilder builder = Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(images)
            .Configure(o => (o.Steps, o.BatchSize, o.ReportEverySteps, o.Health) = (6, 4, 3,
                new HealthOptions { MaxGradientNorm = limit }));
        using Trainer trainer = (board is null ? builder : builder.ReportTo(board)).Build();
        trainer.Run(TestContext.Current.CancellationToken);
    }
}

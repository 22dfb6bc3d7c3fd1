using System.Diagnostics.Metrics;

namespace Diffusion.Training;

/// <summary>
/// Metrics of all runs of this process (System.Diagnostics.Metrics), for <c>dotnet-counters</c> or OpenTelemetry. Listen to the meter
/// <see cref="MeterName"/>. Updated once per report.
/// </summary>
internal static class TrainingMetrics
{
    /// <summary>The name of the meter: <c>Diffusion.Training</c>.</summary>
    public const string MeterName = "Diffusion.Training";

    private static readonly Meter Meter = new(MeterName);
    private static readonly Counter<long> Steps = Meter.CreateCounter<long>("diffusion.training.steps", "{step}", "Optimizer steps");
    private static readonly Counter<long> Images = Meter.CreateCounter<long>("diffusion.training.images", "{image}", "Images trained on");
    private static readonly Counter<long> Skipped = Meter.CreateCounter<long>("diffusion.training.skipped_steps", "{step}",
        "Skipped optimizer steps");
    private static readonly Counter<long> Findings = Meter.CreateCounter<long>("diffusion.training.findings", "{finding}",
        "Health findings, by kind");
    private static readonly Gauge<double> Loss = Meter.CreateGauge<double>("diffusion.training.loss", "1",
        "Mean training loss since the last report");
    private static readonly Gauge<double> HeldOutLoss = Meter.CreateGauge<double>("diffusion.training.held_out_loss", "1",
        "Loss on held-out images");
    private static readonly Gauge<double> GradientNorm = Meter.CreateGauge<double>("diffusion.training.gradient_norm", "1",
        "Mean gradient norm before clipping");
    private static readonly Gauge<double> Rate = Meter.CreateGauge<double>("diffusion.training.learning_rate", "1", "Learning rate");
    private static readonly Gauge<double> Speed = Meter.CreateGauge<double>("diffusion.training.images_per_second", "{image}/s",
        "Images per second of training time");
    private static readonly Gauge<double> Waiting = Meter.CreateGauge<double>("diffusion.training.data_wait_share", "1",
        "Fraction of the training time spent waiting for images");

    /// <summary>Records a report.</summary>
    /// <param name="report">The report.</param>
    /// <param name="images">The number of images since the last report.</param>
    /// <param name="skipped">The number of steps skipped since the last report.</param>
    internal static void Take(TrainingProgress report, long images, long skipped)
    {
        Steps.Add(report.StepsReported);
        Images.Add(images);
        Skipped.Add(skipped);
        Loss.Record(report.Loss);
        GradientNorm.Record(report.MeanGradientNorm);
        Rate.Record(report.LearningRate);
        Speed.Record(report.ImagesPerSecond);
        Waiting.Record(report.DataWaitShare);
        if (report.HeldOutLoss is { } heldOut)
        {
            HeldOutLoss.Record(heldOut);
        }

        foreach (HealthFinding finding in report.Findings)
        {
            Findings.Add(1, new KeyValuePair<string, object?>("kind", finding.Kind.ToString()));
        }
    }
}

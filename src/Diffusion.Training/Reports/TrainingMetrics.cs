using System.Diagnostics.Metrics;

namespace Diffusion.Training;

/// <summary>
/// The metrics of a run (System.Diagnostics.Metrics), for <c>dotnet-counters</c> or OpenTelemetry: meter <see cref="MeterName"/>. Each
/// measurement has the name of the run as its tag <c>run</c>, so that the runs of a process are separate. Updated once per report;
/// findings are counted when they are told.
/// </summary>
internal sealed class TrainingMetrics
{
    /// <summary>The name of the meter: <c>Diffusion.Training</c>.</summary>
    public const string MeterName = "Diffusion.Training";

    private static readonly Meter OfProcess = new(MeterName);

    private readonly KeyValuePair<string, object?> run;
    private readonly Counter<long> steps;
    private readonly Counter<long> images;
    private readonly Counter<long> skipped;
    private readonly Counter<long> overflowed;
    private readonly Counter<long> findings;
    private readonly Gauge<double> loss;
    private readonly Gauge<double> heldOutLoss;
    private readonly Gauge<double> gradientNorm;
    private readonly Gauge<double> rate;
    private readonly Gauge<double> speed;
    private readonly Gauge<double> waiting;
    private readonly Gauge<double> lossScale;

    /// <param name="run">The name of the run.</param>
    /// <param name="factory">Creates and owns the meter; null for the meter of the process.</param>
    public TrainingMetrics(string run, IMeterFactory? factory)
    {
        this.run = new KeyValuePair<string, object?>("run", run);
        Meter meter = factory?.Create(MeterName) ?? OfProcess;
        steps = meter.CreateCounter<long>("diffusion.training.steps", "{step}", "Optimizer steps");
        images = meter.CreateCounter<long>("diffusion.training.images", "{image}", "Images trained on");
        skipped = meter.CreateCounter<long>("diffusion.training.skipped_steps", "{step}", "Skipped optimizer steps");
        overflowed = meter.CreateCounter<long>("diffusion.training.overflowed_steps", "{step}",
            "Optimizer steps that overflowed float16 and lowered the loss scale");
        lossScale = meter.CreateGauge<double>("diffusion.training.loss_scale", "1", "Factor of the loss in float16");
        findings = meter.CreateCounter<long>("diffusion.training.findings", "{finding}", "Health findings, by kind");
        loss = meter.CreateGauge<double>("diffusion.training.loss", "1", "Mean training loss since the last report");
        heldOutLoss = meter.CreateGauge<double>("diffusion.training.held_out_loss", "1", "Loss on held-out images");
        gradientNorm = meter.CreateGauge<double>("diffusion.training.gradient_norm", "1", "Mean gradient norm before clipping");
        rate = meter.CreateGauge<double>("diffusion.training.learning_rate", "1", "Learning rate");
        speed = meter.CreateGauge<double>("diffusion.training.images_per_second", "{image}/s", "Images per second of training time");
        waiting = meter.CreateGauge<double>("diffusion.training.data_wait_share", "1",
            "Fraction of the training time spent waiting for images");
    }

    /// <summary>Records a report.</summary>
    /// <param name="report">The report.</param>
    /// <param name="newImages">The number of images since the last report.</param>
    /// <param name="newlySkipped">The number of steps skipped since the last report.</param>
    /// <param name="newlyOverflowed">The number of steps since the last report whose loss scale was too large.</param>
    public void Take(TrainingProgress report, long newImages, long newlySkipped, long newlyOverflowed)
    {
        steps.Add(report.StepsReported, run);
        images.Add(newImages, run);
        skipped.Add(newlySkipped, run);
        if (report.LossScale is { } scale)
        {
            overflowed.Add(newlyOverflowed, run);
            lossScale.Record(scale, run);
        }

        loss.Record(report.Loss, run);
        gradientNorm.Record(report.MeanGradientNorm, run);
        rate.Record(report.LearningRate, run);
        speed.Record(report.ImagesPerSecond, run);
        waiting.Record(report.DataWaitShare, run);
        if (report.HeldOutLoss is { } heldOut)
        {
            heldOutLoss.Record(heldOut, run);
        }
    }

    /// <summary>Counts a finding.</summary>
    public void Count(HealthFinding finding) =>
        findings.Add(1, run, new KeyValuePair<string, object?>("kind", finding.Kind.ToString()));
}

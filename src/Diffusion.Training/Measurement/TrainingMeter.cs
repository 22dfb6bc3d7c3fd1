using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Accumulates losses, gradient norms and speed between two reports. The sums stay on the device; only <see cref="Read"/> waits for it.
/// </summary>
internal sealed class TrainingMeter : IDisposable
{
    private readonly TimeProvider time;
    private readonly ParameterUpdate update;
    private readonly double clip;
    private readonly Tensor sums;
    private readonly Tensor maxima;
    private long steps;
    private long made;
    private long images;
    private long stepBegan;
    private TimeSpan training;
    private TimeSpan waiting;
    private TimeSpan waitedBefore;

    /// <param name="time">The clock.</param>
    /// <param name="update">Provides the gradient norm, and whether a step was skipped.</param>
    /// <param name="clip">The norm to which gradients are clipped, or null.</param>
    public TrainingMeter(TimeProvider time, ParameterUpdate update, double? clip)
    {
        this.time = time;
        this.update = update;
        this.clip = clip ?? double.PositiveInfinity;
        Device device = update.GradientNorm.device;
        Losses = new LossGauge(device);
        sums = zeros(6, SumOfSquares.TypeOn(device), device).DetachFromDisposeScope();
        maxima = zeros(2, ScalarType.Float32, device).DetachFromDisposeScope();
        Reset();
    }

    /// <summary>The losses for each log-SNR range.</summary>
    public LossGauge Losses { get; }

    /// <summary>Starts the clock of a step.</summary>
    /// <param name="waited">The total time spent waiting for images so far.</param>
    public void Begin(TimeSpan waited)
    {
        stepBegan = time.GetTimestamp();
        waitedBefore = waited;
    }

    /// <summary>Stops the clock of a step, and adds its loss unless the step was skipped.</summary>
    /// <param name="loss">A scalar on the device; null if the step had no image.</param>
    /// <param name="batchSize">The number of images in the step.</param>
    /// <param name="waited">The total time spent waiting for images so far.</param>
    public void End(Tensor? loss, int batchSize, TimeSpan waited)
    {
        if (loss is not null)
        {
            Take(loss);
        }

        made++;
        images += batchSize;
        training += time.GetElapsedTime(stepBegan);
        waiting += waited - waitedBefore;
    }

    /// <summary>Returns the measurements since the last reading, and resets them.</summary>
    public MeterReading Read()
    {
        using DisposeScope scope = NewDisposeScope();
        long began = time.GetTimestamp();
        Tensor read = cat(
        [
            sums, maxima,
            stack([update.GradientNorm, update.Skipped, update.SkippedInARow, update.Overflowed]),
            (update.LossScale?.Value ?? update.Skipped).view(1),
            Losses.Sums.flatten(),
        ]);
        double[] values = read.ToHost().to(ScalarType.Float64).data<double>().ToArray();
        training += time.GetElapsedTime(began);
        ReadOnlySpan<double> losses = values.AsSpan(13);
        double taken = values[4];
        double mean = values[0] / taken;
        MeterReading reading = new()
        {
            Loss = mean,
            LossDeviation = taken < 2 ? 0 : Math.Sqrt(Math.Max(0, (values[1] / taken) - (mean * mean)) * taken / (taken - 1)),
            MeanGradientNorm = values[2] / taken,
            ClippedShare = values[3] / taken,
            MaxGradientNorm = values[6],
            FirstSkipped = double.IsNegativeInfinity(values[7]) ? null : -(long)values[7],
            GradientNorm = values[8],
            Skipped = (long)values[9],
            SkippedInARow = (long)values[10],
            Overflowed = (long)values[11],
            LossScale = update.LossScale is null ? null : values[12],
            Made = made,
            Steps = steps,
            StepsOfLoss = (long)taken,
            SkippedOfSteps = steps - (long)taken - (long)values[5],
            OverflowedOfSteps = (long)values[5],
            RelativeLoss = Sum(losses[..LossGauge.Parts]) / Sum(losses.Slice(LossGauge.Parts, LossGauge.Parts)),
            RelativeLosses = Quotients(losses[..LossGauge.Parts], losses.Slice(LossGauge.Parts, LossGauge.Parts)),
            LossByLogSnr = Quotients(losses[..LossGauge.Parts], losses.Slice(2 * LossGauge.Parts, LossGauge.Parts)),
            ImagesPerSecond = images / Math.Max(1e-9, training.TotalSeconds),
            DataWaitShare = waiting / TimeSpan.FromTicks(Math.Max(1, training.Ticks)),
        };
        Reset();
        return reading;
    }

    /// <summary>Discards all measurements.</summary>
    public void Reset()
    {
        using IDisposable noGradients = no_grad();
        sums.zero_();
        maxima.Fill(double.NegativeInfinity);
        Losses.Reset();
        steps = 0;
        made = 0;
        images = 0;
        training = TimeSpan.Zero;
        waiting = TimeSpan.Zero;
    }

    public void Dispose()
    {
        sums.Dispose();
        maxima.Dispose();
        Losses.Dispose();
    }

    private void Take(Tensor loss)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor good = update.LastSkip.Is(0);
        Tensor norm = update.GradientNorm;
        Tensor clipped = norm.IsWithin(clip).logical_not().to(ScalarType.Float32);
        Tensor wide = loss.to(sums.dtype);
        Tensor now = stack([wide, wide.Squared(), norm.to(sums.dtype), clipped.to(sums.dtype), ones_like(wide)]);
        sums.Increase(cat([where(good, now, zeros_like(now)), update.LastOverflow.to(sums.dtype).view(1)]));

        // The maximum norm of the steps that count, and the first step that failed, as the maximum of negated steps.
        Tensor never = zeros_like(norm).Fill(double.NegativeInfinity);
        Tensor step = zeros_like(norm).Fill(-made);
        maxima.copy_(maximum(maxima, stack([where(good, norm, never), where(update.SkippedInARow.Is(0), never, step)])));
        Losses.EndStep(good);
        steps++;
    }

    private static double Sum(ReadOnlySpan<double> values)
    {
        double sum = 0;
        foreach (double value in values)
        {
            sum += value;
        }

        return sum;
    }

    private static double[] Quotients(ReadOnlySpan<double> numerators, ReadOnlySpan<double> denominators)
    {
        double[] quotients = new double[numerators.Length];
        for (int i = 0; i < quotients.Length; i++)
        {
            quotients[i] = numerators[i] / denominators[i];
        }

        return quotients;
    }
}

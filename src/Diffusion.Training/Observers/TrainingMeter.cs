using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Gathers loss and speed between two reports, on the device; only a reading waits for it.</summary>
internal sealed class TrainingMeter : IDisposable
{
    private readonly TimeProvider time;
    private readonly ParameterUpdate update;
    private readonly Tensor lossSum;
    private readonly Tensor lossCount;
    private long steps;
    private long images;
    private long stepBegan;
    private TimeSpan training;
    private TimeSpan waiting;
    private TimeSpan waitedBefore;

    public TrainingMeter(TimeProvider time, ParameterUpdate update)
    {
        this.time = time;
        this.update = update;
        Device device = update.GradientNorm.device;
        lossSum = zeros([], ScalarType.Float32, device).DetachFromDisposeScope();
        lossCount = zeros([], ScalarType.Float32, device).DetachFromDisposeScope();
    }

    /// <summary>Starts the clock of one step.</summary>
    /// <param name="waited">How long images have been waited for so far.</param>
    public void Begin(TimeSpan waited)
    {
        stepBegan = time.GetTimestamp();
        waitedBefore = waited;
    }

    /// <summary>Ends the clock of one step, and takes its loss unless the step was skipped.</summary>
    /// <param name="loss">Scalar on the device; null when no image was left to train on.</param>
    /// <param name="batchSize">Images of the step.</param>
    /// <param name="waited">How long images have been waited for so far.</param>
    public void End(Tensor? loss, int batchSize, TimeSpan waited)
    {
        if (loss is not null)
        {
            Take(loss);
        }

        images += batchSize;
        training += time.GetElapsedTime(stepBegan);
        waiting += waited - waitedBefore;
    }

    /// <summary>What came together since the last reading.</summary>
    public Reading Read()
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        long began = time.GetTimestamp();
        float[] values = stack([lossSum, lossCount, update.GradientNorm, update.Skipped, update.SkippedInARow]).cpu().data<float>().ToArray();
        training += time.GetElapsedTime(began);
        Reading reading = new(
            values[0] / values[1],
            values[2],
            (long)values[3],
            (long)values[4],
            steps,
            steps - (long)values[1],
            images / Math.Max(1e-9, training.TotalSeconds),
            waiting / TimeSpan.FromTicks(Math.Max(1, training.Ticks)));
        lossSum.zero_();
        lossCount.zero_();
        steps = 0;
        images = 0;
        training = TimeSpan.Zero;
        waiting = TimeSpan.Zero;
        return reading;
    }

    public void Dispose()
    {
        lossSum.Dispose();
        lossCount.Dispose();
    }

    private void Take(Tensor loss)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor good = update.SkippedInARow.Is(0);
        lossSum.add_(where(good, loss, zeros_like(loss)));
        lossCount.add_(good.to(ScalarType.Float32));
        steps++;
    }

    /// <summary>One reading.</summary>
    public readonly record struct Reading(
        double Loss, double GradientNorm, long Skipped, long SkippedInARow, long Steps, long SkippedOfSteps, double ImagesPerSecond, double DataWaitShare);
}

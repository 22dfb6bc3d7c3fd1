using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Measures a few steps of a run, on a copy of its model.</summary>
internal static class StepCalibrator
{
    private const int LeastWarmupSteps = 2;
    private const int MaxSteps = 1000;
    private const int ForwardPasses = 3;
    private static readonly TimeSpan LeastTime = TimeSpan.FromSeconds(3);

    /// <summary>Measures.</summary>
    /// <param name="trial">The run.</param>
    /// <param name="leastSteps">How many steps at least; more where they take less than three seconds.</param>
    /// <param name="cancellationToken">Ends it between two steps, or in a wait for images.</param>
    public static StepCalibration Measure(TrialRun trial, int leastSteps, CancellationToken cancellationToken)
    {
        TrainingOptions options = trial.Setup.Options;
        int warmup = Make(trial, 0, LeastWarmupSteps, cancellationToken).Steps;
        TimeSpan waited = trial.Waited;
        (int steps, TimeSpan taken) = Make(trial, warmup, Math.Max(leastSteps, StepsReadAhead(options)), cancellationToken);
        int images = options.MicroBatchSize ?? options.BatchSize;
        return new StepCalibration
        {
            Device = trial.Setup.Device.ToString(),
            CpuThreads = trial.Setup.Device.CpuThreads,
            Steps = steps,
            StepTime = taken / steps,
            DataWaitShare = Math.Clamp((trial.Waited - waited) / TimeSpan.FromTicks(Math.Max(1, taken.Ticks)), 0, 1),
            ForwardTime = Forward(trial, images, cancellationToken),
            ForwardImages = images,
        };
    }

    // Twice what may have been read before the clock began.
    private static int StepsReadAhead(TrainingOptions options)
    {
        int passes = options.BatchSize / (options.MicroBatchSize ?? options.BatchSize);
        return 2 * ((options.Loading.Prefetch + passes - 1) / passes);
    }

    // As many steps as are asked for, and more where they take less time than it takes to tell.
    private static (int Steps, TimeSpan Taken) Make(TrialRun trial, int first, int least, CancellationToken cancellationToken)
    {
        TrainingOptions options = trial.Setup.Options;
        long began = trial.Setup.Time.GetTimestamp();
        TimeSpan taken = TimeSpan.Zero;
        int steps = 0;
        while (steps < least || (taken < LeastTime && steps < MaxSteps))
        {
            cancellationToken.ThrowIfCancellationRequested();
            trial.Step(options.LearningRate.At(first + steps, options.Steps), cancellationToken);
            trial.Parts.State.Update.GradientNorm.Read<float>(); // waits for the device
            steps++;
            taken = trial.Setup.Time.GetElapsedTime(began);
        }

        return (steps, taken);
    }

    private static TimeSpan Forward(TrialRun trial, int images, CancellationToken cancellationToken)
    {
        Denoiser denoiser = trial.Parts.EmaDenoiser; // what is sampled, in float32
        denoiser.Model.Network.eval();
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        ImageShape shape = trial.Setup.Source.Shape;
        Tensor noisy = zeros([images, shape.Channels, shape.Height, shape.Width], ScalarType.Float32, trial.Device); // [B, C, H, W]
        NoiseLevel[] levels = [.. Enumerable.Repeat(denoiser.Schedule.At(denoiser.Schedule.LastTime), (int)images)];
        Conditioning conditioning = denoiser.Model.ClassCount is null
            ? Conditioning.None
            : new Conditioning { ClassLabels = zeros([images], ScalarType.Int64, trial.Device) };
        TimeSpan shortest = TimeSpan.MaxValue;
        for (int pass = 0; pass <= ForwardPasses; pass++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using DisposeScope one = NewDisposeScope();
            long began = trial.Setup.Time.GetTimestamp();
            denoiser.PredictRaw(noisy, levels, conditioning, mayPredictVariance: true).sum().Read<float>(); // waits for the device
            TimeSpan taken = trial.Setup.Time.GetElapsedTime(began);
            shortest = pass > 0 && taken < shortest ? taken : shortest; // the first pass makes its plans
        }

        return shortest;
    }
}

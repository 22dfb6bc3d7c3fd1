using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Measures a few steps of a run, on a copy of its model.</summary>
internal static class StepCalibrator
{
    private const int LeastWarmupSteps = 2;
    private const int MaxSteps = 1000;
    private const int ForwardPasses = 3;
    private const int SendPasses = 5;
    private static readonly TimeSpan LeastTime = TimeSpan.FromSeconds(3);

    /// <summary>Measures. Several processes measure together, and get the same: of each time the longest.</summary>
    /// <param name="trial">The run.</param>
    /// <param name="leastSteps">How many steps at least; more where they take less than three seconds.</param>
    public static StepCalibration Measure(TrialRun trial, int leastSteps)
    {
        TrainerSetup setup = trial.Setup;
        int warmup = Make(trial, 0, LeastWarmupSteps).Steps;
        TimeSpan waited = trial.Waited;
        (int steps, TimeSpan taken) = Make(trial, warmup, Math.Max(leastSteps, StepsReadAhead(setup)));
        waited = trial.Waited - waited;
        taken = trial.Longest(taken);
        return new StepCalibration
        {
            Device = trial.OfFirst(setup.Device.ToString()),
            CpuThreads = setup.Device.CpuThreads,
            Processes = setup.Processes?.Group.WorldSize ?? 1,
            Steps = steps,
            StepTime = taken / steps,
            DataWaitShare = Math.Clamp(trial.Longest(waited) / TimeSpan.FromTicks(Math.Max(1, taken.Ticks)), 0, 1),
            CommunicationTime = trial.Parts.Ranks is { } ranks ? trial.Longest(Communication(trial, ranks)) : TimeSpan.Zero,
            ForwardTime = trial.Longest(Forward(trial)),
            ForwardImages = setup.MicroBatchSize,
        };
    }

    // Twice what may have been read before the clock began.
    private static int StepsReadAhead(TrainerSetup setup)
    {
        int passes = setup.Share / setup.MicroBatchSize;
        return 2 * ((setup.Options.Loading.Prefetch + passes - 1) / passes);
    }

    // As many steps as are asked for, and more where they take less time than it takes to tell.
    private static (int Steps, TimeSpan Taken) Make(TrialRun trial, int first, int least)
    {
        TrainingOptions options = trial.Setup.Options;
        long began = trial.Setup.Time.GetTimestamp();
        TimeSpan taken = TimeSpan.Zero;
        int steps = 0;
        while (trial.HoldsForFirst(steps < least || (taken < LeastTime && steps < MaxSteps)))
        {
            trial.ThrowIfCanceled();
            trial.Step(options.LearningRate.At(first + steps, options.Steps));
            trial.Parts.State.Update.GradientNorm.Read<float>(); // waits for the device
            steps++;
            taken = trial.Setup.Time.GetElapsedTime(began);
        }

        return (steps, taken);
    }

    private static TimeSpan Communication(TrialRun trial, Ranks ranks) => Shortest(trial, SendPasses, () =>
    {
        ranks.Send();
        using Tensor first = trial.Parts.State.Parameters.Gradients.narrow(0, 0, 1);
        first.Read<float>(); // waits for the device
    });

    private static TimeSpan Forward(TrialRun trial)
    {
        trial.Parts.WholeAverages?.Gather(Math.Min(1, trial.Parts.Averages.Count));
        Denoiser denoiser = trial.Parts.EmaDenoiser; // what is sampled, in float32
        denoiser.Model.Network.eval();
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        int images = trial.Setup.MicroBatchSize;
        ImageShape shape = trial.Setup.Source.Shape;
        Tensor noisy = zeros([images, shape.Channels, shape.Height, shape.Width], ScalarType.Float32, trial.Device); // [B, C, H, W]
        NoiseLevel[] levels = [.. Enumerable.Repeat(denoiser.Schedule.At(denoiser.Schedule.LastTime), images)];
        Conditioning conditioning = denoiser.Model.ClassCount is null
            ? Conditioning.None
            : new Conditioning { ClassLabels = zeros([images], ScalarType.Int64, trial.Device) };
        TimeSpan shortest = Shortest(trial, ForwardPasses, () =>
            denoiser.PredictRaw(noisy, levels, conditioning, mayPredictVariance: true).sum().Read<float>()); // waits for the device
        trial.Parts.WholeAverages?.Release();
        return shortest;
    }

    // The first time does not count: it makes plans and connections.
    private static TimeSpan Shortest(TrialRun trial, int times, Action action)
    {
        TimeSpan shortest = TimeSpan.MaxValue;
        for (int time = 0; time <= times; time++)
        {
            trial.ThrowIfCanceled();
            using DisposeScope scope = NewDisposeScope();
            long began = trial.Setup.Time.GetTimestamp();
            action();
            TimeSpan taken = trial.Setup.Time.GetElapsedTime(began);
            shortest = time > 0 && taken < shortest ? taken : shortest;
        }

        return shortest;
    }
}

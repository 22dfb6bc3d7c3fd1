using Diffusion;
using Diffusion.Data;
using Diffusion.Reporting;
using Diffusion.Training;

namespace PlanFirst;

/// <summary>
/// Finds memory, learning rate, steps and time before training. Prints each result. If training follows, also saves the results that are
/// more than a number to files.
/// </summary>
internal sealed class Planning(Settings settings, IImageSource images, UNet2D unet, ComputeDevice device, CancellationToken stop)
{
    /// <summary>Plans the run.</summary>
    public Choices Run()
    {
        int microBatchSize = Memory();
        double rate = settings.Rate ?? Rate(microBatchSize);
        long steps = Steps(microBatchSize, rate);
        return new Choices { Steps = steps, BatchSize = settings.Batch, MicroBatchSize = microBatchSize, LearningRate = rate,
            Minutes = settings.Minutes, MemoryGiB = settings.MemoryGiB };
    }

    /// <summary>The run with the chosen values, without a run folder.</summary>
    public static TrainerBuilder Builder(Settings settings, IImageSource images, UNet2D unet, ComputeDevice device, Choices choices) =>
        Trainer.For(unet)
        .UseDevice(device)
        .UseData(images)
        .UsePrediction(PredictionType.Velocity)
        .UseLearningRate(LearningRate.Cosine(choices.LearningRate))
        .UseEma(decay: 0.999)
        .UseCheckpoints(settings.RunFolder, everySteps: 1000)
        .Configure(o =>
        {
            o.Steps = choices.Steps;
            o.BatchSize = settings.Batch;
            o.MicroBatchSize = choices.MicroBatchSize;
            o.HoldOutFraction = 0.05;
            o.HoldOutEverySteps = 500;
            o.ReportEverySteps = 50;
            o.Seed = settings.Seed;
        });

    private int Memory()
    {
        MemoryEstimator estimator = new(unet.Options, images.Shape);
        int fits = estimator.MaxMicroBatch(settings.MemoryBytes);
        Console.WriteLine($"Memory (of {settings.MemoryBytes / (double)(1L << 30):N1} GiB)");
        if (fits == 0)
        {
            throw new InvalidOperationException($"Not even one image fits: {estimator.Advise(settings.Batch, settings.MemoryBytes)}");
        }

        (int microBatch, int accumulation, _) = BatchSizeScaling.Split(settings.Batch, fits);
        Console.WriteLine(estimator.Estimate(microBatch).ToTable());
        Console.WriteLine(
            $"A batch of {settings.Batch} is split into {accumulation} passes of {microBatch} images; {fits} would fit.");
        Console.WriteLine(BatchSizeScaling.Describe(settings.Batch));
        Console.WriteLine();
        return microBatch;
    }

    private double Rate(int microBatchSize)
    {
        double usual = BatchSizeScaling.LearningRate(settings.Batch);
        Choices choices = new() { Steps = settings.Steps ?? 10_000, BatchSize = settings.Batch, MicroBatchSize = microBatchSize,
            LearningRate = usual };
        Console.WriteLine("Learning rate");
        LrRange range = Builder(settings, images, unet, device, choices)
            .BuildLrRangeFinder()
            .Run(cancellationToken: stop);
        stop.ThrowIfCancellationRequested();
        Console.WriteLine(range.ToTable());
        Console.WriteLine(range.Advice);
        Keep(range);
        if (range.Suggestion.LearningRate is null)
        {
            Console.WriteLine($"Training uses {usual:G2}, the usual rate for a batch of {settings.Batch}.");
        }

        Console.WriteLine();
        return range.Suggestion.LearningRate ?? usual;
    }

    private long Steps(int microBatchSize, double rate)
    {
        Choices choices = new() { Steps = settings.Steps ?? 10_000, BatchSize = settings.Batch, MicroBatchSize = microBatchSize,
            LearningRate = rate };
        Console.WriteLine("Plan");
        TrainingPlan plan = Builder(settings, images, unet, device, choices).Plan(cancellationToken: stop);
        long steps = settings.Steps
            ?? (settings.Minutes is { } minutes ? plan.StepsWithin(TimeSpan.FromMinutes(minutes)) : plan.SuggestedSteps);
        plan = plan.WithSteps(steps);
        Console.WriteLine(plan.ToReport());
        Keep(plan);
        return steps;
    }

    private void Keep(LrRange range)
    {
        if (settings.PlanOnly)
        {
            return;
        }

        Directory.CreateDirectory(settings.RunFolder);
        string picture = Path.Combine(settings.RunFolder, "lr-range.png");
        range.SavePlot(picture);
        range.SavePlot(Path.ChangeExtension(picture, ".svg"));
        File.WriteAllText(Path.ChangeExtension(picture, ".csv"), range.ToCsv());
        File.WriteAllText(Path.ChangeExtension(picture, ".json"), range.ToJson());
        Console.WriteLine($"Plot {picture}");
    }

    private void Keep(TrainingPlan plan)
    {
        if (!settings.PlanOnly)
        {
            Directory.CreateDirectory(settings.RunFolder);
            File.WriteAllText(Path.Combine(settings.RunFolder, "plan.json"), plan.ToJson());
        }
    }
}

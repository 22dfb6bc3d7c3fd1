using Diffusion.Data;
using Diffusion.TestKit;
using TorchSharp;

namespace Diffusion.Training.Tests.Distributed;

/// <summary>One run of a small model, in one process or shared by several.</summary>
internal sealed record SharedRun
{
    public const int BatchSize = 16;

    /// <summary>Small enough that the tiny model has several buckets.</summary>
    private static readonly DistributedOptions SmallBuckets = new() { BucketMebibytes = 512.0 / (1 << 20), CheckEverySteps = 5 };

    /// <summary>The same, with parts of the optimizer's state and of the averages in each process.</summary>
    public static readonly DistributedOptions Sharded = SmallBuckets with { ShardOptimizer = true };

    public long Steps { get; init; } = 50;

    public int? MicroBatchSize { get; init; }

    public IOptimizerFactory Optimizer { get; init; } = new PlainSgd();

    public double Dropout { get; init; }

    public string? Folder { get; init; }

    public DistributedOptions Distributed { get; init; } = SmallBuckets;

    public Action<TrainingOptions> Configure { get; init; } = _ => { };

    /// <summary>Changes the builder of one rank.</summary>
    public Action<TrainerBuilder, int> Build { get; init; } = (_, _) => { };

    /// <summary>The options of one rank; null for the same on all.</summary>
    public Func<int, DistributedOptions>? DistributedOf { get; init; }

    /// <summary>Receives the trainer of a rank before its run.</summary>
    public Action<Trainer, int> BeforeRun { get; init; } = (_, _) => { };

    /// <summary>Whether the averages are read after <see cref="UseTrainer"/>.</summary>
    public bool ReadsTrainer { get; init; } = true;

    /// <summary>Uses the trainer of a rank after its run.</summary>
    public Action<Trainer, int> UseTrainer { get; init; } = (_, _) => { };

    /// <summary>The images of a rank.</summary>
    public Func<StripedImages, int, IImageSource> Images { get; init; } = (images, _) => images;

    /// <summary>The model of a rank.</summary>
    public Func<int, IDiffusionModel>? Model { get; init; }

    public CancellationToken[] Tokens { get; init; } = [];

    /// <summary>Trains in one process, without a group.</summary>
    public Outcome Alone() => Train(null);

    /// <summary>Trains on several ranks.</summary>
    public Outcome[] On(int world)
    {
        Outcome[] outcomes = new Outcome[world];
        ThreadRanks.Run(world, group => outcomes[group.Rank] = Train(group));
        return outcomes;
    }

    /// <summary>Trains on several ranks, some of which may fail.</summary>
    public (Outcome? Result, Exception? Error)[] TryOn(int world)
    {
        Outcome?[] outcomes = new Outcome?[world];
        return [.. outcomes.Zip(ThreadRanks.RunAll(world, group => outcomes[group.Rank] = Train(group)).Each)];
    }

    private Outcome Train(IProcessGroup? group)
    {
        int rank = group?.Rank ?? 0;
        using IDiffusionModel model = Model?.Invoke(rank) ?? new TinyModel(dropoutProbability: Dropout, seed: 1 + rank);
        using StripedImages striped = new();
        using IImageSource images = Images(striped, rank);
        List<double> losses = [];
        List<TrainingProgress> reports = [];
        TrainerBuilder builder = Trainer.For(model)
            .UseDevice(ComputeDevice.Cpu(threads: 1))
            .UseData(images)
            .UseOptimizer(Optimizer)
            .UseLearningRate(LearningRate.Constant(Optimizer is PlainSgd ? 0.05 : 1e-3).WithWarmup(5))
            .ReportTo(reports.Add)
            .Configure(o =>
            {
                (o.Steps, o.BatchSize, o.MicroBatchSize, o.Seed, o.ReportEverySteps) = (Steps, BatchSize, MicroBatchSize, 7, 1);
                Configure(o);
            });
        if (Folder is not null)
        {
            builder.UseCheckpoints(Folder);
        }

        if (group is not null)
        {
            builder.UseDistributed(group, DistributedOf?.Invoke(rank) ?? Distributed);
        }

        Build(builder, rank);
        using Trainer trainer = builder.Build();
        BeforeRun(trainer, rank);
        TrainingResult result = trainer.Run(Tokens.Length > rank ? Tokens[rank] : TestContext.Current.CancellationToken);
        UseTrainer(trainer, rank);
        float[] average = result.Averages.Count == 0 || !ReadsTrainer
            ? []
            : Floats(result.EmaDenoiser.Model);
        return new Outcome(
            Floats(model), average, [.. reports.Select(report => report.Loss)],
            reports, result);
    }

    private static float[] Floats(IDiffusionModel model) => [.. model.Network.parameters().SelectMany(parameter =>
    {
        using torch.Tensor exact = parameter.to(torch.ScalarType.Float32);
        return exact.data<float>().ToArray();
    })];

    /// <summary>How a rank ended.</summary>
    public sealed record Outcome(
        float[] Weights, float[] Average, double[] Losses, IReadOnlyList<TrainingProgress> Reports, TrainingResult Result)
    {
        /// <summary>The maximum difference of a weight, relative to the maximum weight.</summary>
        public double DifferenceFrom(Outcome other) =>
            Weights.Zip(other.Weights, (a, b) => (double)Math.Abs(a - b)).Max() / other.Weights.Max(Math.Abs);

        /// <summary>The maximum difference of a loss, relative to the loss.</summary>
        public double LossDifferenceFrom(Outcome other) => Losses.Zip(other.Losses, (a, b) => Math.Abs(a - b) / b).Max();
    }
}

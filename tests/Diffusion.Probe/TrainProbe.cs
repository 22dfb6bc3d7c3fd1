using System.Globalization;
using Diffusion.Data;
using Diffusion.Training;

namespace Diffusion.Probe;

/// <summary>A short training run, shared by the processes that a launcher started.</summary>
internal static class TrainProbe
{
    public static int Run(string folder, long steps, bool shardOptimizer)
    {
        using UNet2D unet = Network();
        using IImageSource images = new Gradients();
        using Trainer trainer = Builder(unet, images, shardOptimizer)
            .UseCheckpoints(folder)
            .Configure(o => (o.Steps, o.ReportEverySteps) = (steps, 1))
            .Build();
        TrainingResult result = trainer.Run();
        Console.WriteLine($"ended at step {result.Step} {(result.Checkpoint is null ? "without" : "with")} a checkpoint");
        return 0;
    }

    /// <summary>Finds the learning rate and plans the run, without training.</summary>
    public static int Tune()
    {
        using UNet2D unet = Network();
        using IImageSource images = new Gradients();
        TrainerBuilder builder = Builder(unet, images, shardOptimizer: true).Configure(o => o.Steps = 1000);
        LrRange range = builder
            .BuildLrRangeFinder(new LrRangeOptions { Lowest = 1e-4, Highest = 1, Steps = 20, ConfirmationSteps = 10 })
            .Run();
        TrainingPlan plan = builder.Plan();
        string losses = string.Join(' ', range.Points.Take(10).Select(point => point.Loss.ToString("R", CultureInfo.InvariantCulture)));
        Console.WriteLine($"\nlosses {losses}\nsuggested {range.Advice}\nplan {plan.ToJson().ReplaceLineEndings(" ")}");
        return 0;
    }

    // Other ranks begin with other weights, and get those of rank 0.
    private static UNet2D Network()
    {
        string? rank = Environment.GetEnvironmentVariable("OMPI_COMM_WORLD_RANK") ?? Environment.GetEnvironmentVariable("PMI_RANK");
        UNet2DOptions options = UNet2DOptions.ForImages(8, 1, UNet2DSize.Small) with { BlockOutChannels = [8], AttentionHeadDim = 8,
            NormNumGroups = 4 };
        return new UNet2D(options, seed: long.Parse(rank ?? "0", CultureInfo.InvariantCulture));
    }

    private static TrainerBuilder Builder(UNet2D unet, IImageSource images, bool shardOptimizer) => Trainer.For(unet)
        .UseDevice(ComputeDevice.Cpu(threads: 1))
        .UseData(images)
        .UseDistributed(options: new DistributedOptions { ShardOptimizer = shardOptimizer })
        .Configure(o => (o.BatchSize, o.MicroBatchSize) = (8, 2));

    private sealed class Gradients : IImageSource
    {
        public long Count => 40;

        public ImageShape Shape => ImageShape.Square(8, 1);

        public PixelEncoding Encoding => PixelEncoding.UInt8;

        public int? ClassCount => null;

        public string Description => "gradients";

        public long LabelOf(long index) => 0;

        public void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default)
        {
            for (int i = 0; i < destination.Length; i++)
            {
                destination[i] = (byte)((i * 3) + (index * 5));
            }
        }

        public void Dispose()
        {
        }
    }
}

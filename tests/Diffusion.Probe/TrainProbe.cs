using System.Globalization;
using Diffusion.Data;
using Diffusion.Training;

namespace Diffusion.Probe;

/// <summary>A short training run, shared by the processes that a launcher started.</summary>
internal static class TrainProbe
{
    public static int Run(string folder, long steps, bool shardOptimizer)
    {
        // Other ranks begin with other weights, and get those of rank 0.
        long rank = long.Parse(Environment.GetEnvironmentVariable("OMPI_COMM_WORLD_RANK") ?? "0", CultureInfo.InvariantCulture);
        UNet2DOptions options = UNet2DOptions.ForImages(8, 1, UNet2DSize.Small) with { BlockOutChannels = [8], AttentionHeadDim = 8,
            NormNumGroups = 4 };
        using UNet2D unet = new(options, seed: rank);
        using IImageSource images = new Gradients();
        using Trainer trainer = Trainer.For(unet)
            .UseDevice(ComputeDevice.Cpu(threads: 1))
            .UseData(images)
            .UseDistributed(options: new DistributedOptions { ShardOptimizer = shardOptimizer })
            .UseCheckpoints(folder)
            .Configure(o => (o.Steps, o.BatchSize, o.MicroBatchSize, o.ReportEverySteps) = (steps, 8, 2, 1))
            .Build();
        TrainingResult result = trainer.Run();
        Console.WriteLine($"ended at step {result.Step} {(result.Checkpoint is null ? "without" : "with")} a checkpoint");
        return 0;
    }

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

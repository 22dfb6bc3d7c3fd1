using System.Diagnostics;
using Diffusion.Data;
using Diffusion.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>
/// Images per second of one source, measured in six ways that take turns: a bare loop, two bare loops in parallel, the loader with one and
/// two workers, and TorchSharp's loader with one and two workers. All read, decode and resize the same images in the same order.
/// </summary>
internal sealed class LoadingRates : IDisposable
{
    private const int BatchSize = 32;
    private const int Rounds = 7;
    private const double SecondsPerTurn = 1;

    private static readonly SeedStream Seeds = new(1);

    private readonly IImageSource source;
    private readonly SampleOrder order;
    private readonly byte[] image;
    private long position;

    public LoadingRates(IImageSource source)
    {
        this.source = source;
        order = new SampleOrder(Seeds, source.Count);
        image = new byte[source.Shape.Elements];
    }

    /// <summary>One row of the table.</summary>
    /// <remarks>
    /// Each ratio is the median of the ratios of all rounds, so that a slow moment of the machine affects both sides of a ratio.
    /// </remarks>
    public sealed record Row(
        double Bare, double OneWorker, double TwoWorkers, double TorchOne, double TorchTwo, double BytesPerImage, double OneToBare,
            double TwoToOne, double TwoBareToBare);

    /// <summary>Measures all six ways and takes the median of the rounds.</summary>
    public Row Measure()
    {
        int batches = Math.Max(2, (int)(RateOfBareLoop(BatchSize) * SecondsPerTurn / BatchSize));
        List<double>[] rates = [[], [], [], [], [], []];
        double bytes = double.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            rates[0].Add(RateOfBareLoop(batches * BatchSize));
            (double one, double oneBytes) = RateOfLoader(1, batches);
            rates[1].Add(one);
            bytes = Math.Min(bytes, oneBytes);
            rates[2].Add(RateOfLoader(2, batches).Rate);
            rates[3].Add(RateOfTorch(1, batches));
            rates[4].Add(RateOfTorch(2, batches));
            rates[5].Add(RateOfTwoBareLoops(batches * BatchSize));
        }

        return new Row(
            Median.Of(rates[0]), Median.Of(rates[1]), Median.Of(rates[2]), Median.Of(rates[3]), Median.Of(rates[4]), bytes,
            Median.Of(rates[1].Zip(rates[0], (one, bare) => one / bare)), Median.Of(rates[2].Zip(rates[1], (two, one) => two / one)),
            Median.Of(rates[5].Zip(rates[0], (two, one) => two / one)));
    }

    public void Dispose() => source.Dispose();

    private double RateOfBareLoop(int images)
    {
        long began = Stopwatch.GetTimestamp();
        for (int i = 0; i < images; i++)
        {
            source.Read(order.IndexAt(position++), image);
        }

        return images / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    // The speedup that the machine itself gives with two cores.
    private double RateOfTwoBareLoops(int images)
    {
        long began = Stopwatch.GetTimestamp();
        Thread[] threads = [.. Enumerable.Range(0, 2).Select(half => new Thread(() =>
        {
            byte[] own = new byte[image.Length];
            for (int i = 0; i < images; i++)
            {
                source.Read(order.IndexAt(position + (2L * i) + half), own);
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        position += 2L * images;
        return 2 * images / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private (double Rate, double BytesPerImage) RateOfLoader(int workers, int batches)
    {
        BatchPlan plan = new() { StepSize = BatchSize, BatchSize = BatchSize, Start = position };
        using BatchLoader loader = new(source, order, plan, Seeds, new LoadingOptions { Workers = workers });
        for (int i = 0; i < workers; i++)
        {
            loader.Next().Dispose();
        }

        long allocated = GC.GetTotalAllocatedBytes();
        long began = Stopwatch.GetTimestamp();
        for (int i = 0; i < batches; i++)
        {
            loader.Next().Dispose();
        }

        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        position = loader.Position;
        int images = batches * BatchSize;
        return (images / seconds, (GC.GetTotalAllocatedBytes() - allocated) / (double)images);
    }

    private double RateOfTorch(int workers, int batches)
    {
        using TorchDataset dataset = new(source, order, position, batches * BatchSize);
        using DataLoader loader = utils.data.DataLoader(dataset, BatchSize, shuffle: false, device: CPU, num_worker: workers);
        int seen = 0;
        long began = Stopwatch.GetTimestamp();
        foreach (Dictionary<string, Tensor> batch in loader)
        {
            using Tensor pixels = PixelRange.FromBytes(batch["pixels"]);
            seen += (int)pixels.shape[0];
            batch["pixels"].Dispose();
        }

        position += seen;
        return seen / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    /// <summary>The same images for TorchSharp's loader.</summary>
    private sealed class TorchDataset(IImageSource source, SampleOrder order, long first, long count) : utils.data.Dataset
    {
        public override long Count => count;

        public override Dictionary<string, Tensor> GetTensor(long index)
        {
            ImageShape shape = source.Shape;
            Tensor pixels = empty([shape.Height, shape.Width, shape.Channels], ScalarType.Byte);
            source.Read(order.IndexAt(first + index), pixels.bytes);
            return new Dictionary<string, Tensor>(StringComparer.Ordinal) { ["pixels"] = pixels };
        }
    }
}

using System.Diagnostics;
using Diffusion.Data;
using Diffusion.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>
/// The cost of loading in a training step. libtorch runs on one thread and the loader on the other core; the loader needs half of the time
/// of a step.
/// Blocks of steps from image files take turns with blocks of the same steps from images in memory.
/// </summary>
internal static class WaitingShare
{
    private const int BatchSize = 32;
    private const int StepsPerBlock = 40;
    private const int Blocks = 8;

    /// <summary>
    /// The result: the fraction of a step spent waiting, the time of loading as a fraction of the step, and how much longer a step takes.
    /// </summary>
    public sealed record Result(double Waited, double LoaderShare, double Slower, TimeSpan Step);

    /// <summary>Measures on one source.</summary>
    public static Result Measure(Func<int, IImageSource> openAtSize)
    {
        ComputeDevice.Cpu(threads: 1).Activate();
        const int Size = 64;
        using IImageSource files = openAtSize(Size);
        using InMemoryImages memory = InMemoryImages.Load(openAtSize(Size));
        TimeSpan loading = TimePerBatch(files);

        // Loading takes half of the step on one core, the network all of it on the other.
        using Work work = new(loading * 2);

        Run(files, 1, work);
        Run(memory, 0, work);
        List<(TimeSpan Step, double Waited)> fromFiles = [];
        List<TimeSpan> fromMemory = [];
        for (int block = 0; block < Blocks; block++)
        {
            fromFiles.Add(Run(files, 1, work));
            fromMemory.Add(Run(memory, 0, work).Step);
        }

        TimeSpan step = fromFiles.Select(run => run.Step).Order().ElementAt(Blocks / 2);
        TimeSpan quiet = fromMemory.Order().ElementAt(Blocks / 2);
        return new Result(fromFiles.Select(run => run.Waited).Order().ElementAt(Blocks / 2), loading / step, (step / quiet) - 1, step);
    }

    private static TimeSpan TimePerBatch(IImageSource source)
    {
        byte[] image = new byte[source.Shape.Elements];
        long began = Stopwatch.GetTimestamp();
        const int Batches = 40;
        for (int i = 0; i < Batches * BatchSize; i++)
        {
            source.Read(i % source.Count, image);
        }

        return Stopwatch.GetElapsedTime(began) / Batches;
    }

    private static (TimeSpan Step, double Waited) Run(IImageSource source, int workers, Work work)
    {
        SeedStream seeds = new(3);
        using BatchLoader loader = new(
            source, new SampleOrder(seeds, source.Count), new BatchPlan { StepSize = BatchSize, BatchSize = BatchSize }, seeds,
            new LoadingOptions { Workers = workers });
        using (ImageBatch first = loader.Next())
        {
            work.Step(first.Pixels); // Fills the pipeline.
        }

        TimeSpan waitedBefore = loader.WaitTime;
        long began = Stopwatch.GetTimestamp();
        for (int i = 0; i < StepsPerBlock; i++)
        {
            using ImageBatch batch = loader.Next();
            work.Step(batch.Pixels);
        }

        TimeSpan all = Stopwatch.GetElapsedTime(began);
        return (all / StepsPerBlock, (loader.WaitTime - waitedBefore) / all);
    }

    /// <summary>Repeats forward and backward passes through convolutions for about a given time.</summary>
    private sealed class Work : IDisposable
    {
        private const int Part = 4; // images of a batch, so that a pass is short beside a step

        private readonly nn.Module<Tensor, Tensor> network = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding: 1), nn.SiLU(), nn.Conv2d(8, 3, 3, padding: 1));

        private readonly int passes;

        public Work(TimeSpan target)
        {
            using Tensor images = randn(Part, 3, 64, 64);
            const int Trials = 50;
            Pass(images, Trials);
            long began = Stopwatch.GetTimestamp();
            Pass(images, Trials);
            passes = Math.Max(1, (int)Math.Round(Trials * (target / Stopwatch.GetElapsedTime(began))));
        }

        public void Step(Tensor images)
        {
            using Tensor part = images.narrow(0, 0, Part);
            Pass(part, passes);
        }

        public void Dispose() => network.Dispose();

        private void Pass(Tensor images, int times)
        {
            for (int i = 0; i < times; i++)
            {
                using DisposeScope scope = NewDisposeScope();
                network.call(images).square().mean().backward();
            }
        }
    }
}

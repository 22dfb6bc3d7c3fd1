using System.Diagnostics;
using Diffusion.Data;
using Diffusion.Training;

namespace Diffusion.Benchmarks;

/// <summary>
/// The cost of transforms: the loader with one worker, with and without a random crop, a flip and random colors, in turns.
/// </summary>
internal static class TransformCost
{
    private const int BatchSize = 32;
    private const int Rounds = 9;
    private const double SecondsPerTurn = 1;

    private static readonly SeedStream Seeds = new(1);

    /// <summary>The transforms that are measured.</summary>
    public static ImageTransform[] Transforms =>
        [ImageTransform.RandomSquare(0.6), ImageTransform.RandomFlip(), ImageTransform.ColorJitter(0.2, 0.2, 0.2, 0.05)];

    /// <summary>Images per second of both, and the median of the ratios of all rounds.</summary>
    public sealed record Result(double Plain, double Transformed, double Ratio);

    /// <summary>Measures both sources. The caller owns them.</summary>
    public static Result Measure(IImageSource plain, IImageSource transformed)
    {
        int batches = Math.Max(2, (int)(Rate(plain, 8) * SecondsPerTurn / BatchSize));
        Rate(transformed, 8);
        List<(double Plain, double Transformed)> rounds = [];
        for (int round = 0; round < Rounds; round++)
        {
            rounds.Add((Rate(plain, batches), Rate(transformed, batches)));
        }

        return new Result(
            Median.Of(rounds.Select(round => round.Plain)), Median.Of(rounds.Select(round => round.Transformed)),
            Median.Of(rounds.Select(round => round.Transformed / round.Plain)));
    }

    private static double Rate(IImageSource source, int batches)
    {
        SampleOrder order = new(Seeds, source.Count);
        using BatchLoader loader = new(
            source, order, new BatchPlan { StepSize = BatchSize, BatchSize = BatchSize }, Seeds, new LoadingOptions { Workers = 1 });
        loader.Next().Dispose();
        long began = Stopwatch.GetTimestamp();
        for (int i = 0; i < batches; i++)
        {
            loader.Next().Dispose();
        }

        return batches * BatchSize / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }
}

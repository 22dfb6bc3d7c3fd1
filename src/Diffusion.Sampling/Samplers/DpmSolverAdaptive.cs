using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// DPM-Solver with adaptive steps (Lu et al. 2022, appendix C): each step is computed at two orders, and their difference decides whether
/// it is accepted and how long the next one is. They go from one end of the schedule to the other; a last step of order 1, with one call of
/// the network, goes to the clean image.
/// </summary>
public sealed record DpmSolverAdaptive : ISampler
{
    private const int MaxTries = 10_000;

    /// <summary>The higher order, 2 or 3. Default 3.</summary>
    public int Order { get; init; } = 3;

    /// <summary>The tolerated error, as a fraction of the image. Default 0.05.</summary>
    public double RelativeTolerance { get; init; } = 0.05;

    /// <summary>The tolerated error, in pixel values of [-1, 1]. Default 0.0078, two of 255 gray levels.</summary>
    public double AbsoluteTolerance { get; init; } = 0.0078;

    /// <summary>The first step in half log-SNR. Default 0.05.</summary>
    public double FirstStep { get; init; } = 0.05;

    /// <summary>How the last three errors control the step length. Default: the last error alone.</summary>
    public StepControl Control { get; init; } = new();

    /// <summary>How much noise is added while sampling, 0 to 1. Default 0, none.</summary>
    public double Eta { get; init; }

    /// <summary>The standard deviation of that noise, above 0. Default 1.</summary>
    public double NoiseScale { get; init; } = 1;

    /// <summary>The first sigma / alpha. Default null: that of the schedule's last time.</summary>
    public double? MaxRatio { get; init; }

    /// <summary>The last sigma / alpha before the clean image, above 0. Default null: that of the schedule's first time.</summary>
    public double? MinRatio { get; init; }

    /// <summary>How estimates outside [-1, 1] are handled. Default <see cref="SampleClipping.Clip"/>.</summary>
    public SampleClipping Clipping { get; init; } = SampleClipping.Clip;

    // One error decides the next step of all images.
    bool ISampler.TreatsImagesAlone => false;

    /// <inheritdoc/>
    /// <remarks>
    /// The error is taken over all images of a batch: with a <see cref="SampleRequest.BatchSize"/> of 1 images do not depend on each other.
    /// </remarks>
    public Tensor Sample(
        IDenoiser denoiser,
        SampleRequest request,
        IProgress<SamplingProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(denoiser);
        INoiseSchedule schedule = denoiser.Source.Schedule;
        double max = MaxRatio ?? schedule.At(schedule.LastTime).Ratio;
        double min = MinRatio ?? schedule.At(schedule.FirstTime).Ratio;
        string[] problems = [.. Problems(schedule, min, max), .. SamplingRun.ClippingProblems(Clipping)];
        SamplingRun run = new(denoiser, request, problems, progress) { KnowsSteps = false };
        return run.Execute([schedule.WithHalfLogSnr(-Math.Log(max)), schedule.WithHalfLogSnr(-Math.Log(min))], Clipping,
            WalkToClean, cancellationToken);
    }

    /// <summary>Steps from the first level to the last.</summary>
    internal Tensor Walk(SamplingWalk walk) => TakeSteps(walk, left: 0).Images;

    private Tensor WalkToClean(SamplingWalk walk)
    {
        (Tensor x, int steps) = TakeSteps(walk, left: 1);
        using DisposeScope scope = NewDisposeScope();
        Tensor clean = LevelStep.Move(walk.Denoise(x, walk.Levels[^1]), NoiseLevel.Clean);
        x.Dispose();
        walk.Report(steps + 1, steps + 1, 1);
        return clean.MoveToOuterDisposeScope();
    }

    // The images at the last level, and the number of accepted steps; a number of steps is left after them.
    private (Tensor Images, int Steps) TakeSteps(SamplingWalk walk, int left)
    {
        double begin = walk.Levels[0].HalfLogSnr;
        double end = walk.Levels[^1].HalfLogSnr;
        Tensor x = walk.Start;
        Tensor before = x.alias();
        NoiseLevel beforeLevel = walk.Levels[0];
        StepLengths lengths = new(Control, FirstStep, Eta > 0 ? 1.5 : Order);
        double at = begin;
        int steps = 0;
        for (int tries = 0; at < end - 1e-5; tries++)
        {
            if (tries == MaxTries)
            {
                throw new InvalidOperationException(
                    $"After {MaxTries} steps the sampler is at half log-SNR {at}, but must reach {end}: the network's output changes too "
                    + "fast for the tolerances. Raise RelativeTolerance, or use a sampler with a number of steps.");
            }

            using DisposeScope scope = NewDisposeScope();
            double next = Math.Min(end, at + lengths.Length);
            NoiseLevel from = walk.Schedule.WithHalfLogSnr(at);
            NoiseLevel to = walk.Schedule.WithHalfLogSnr(next);
            (NoiseLevel down, double added) = LevelStep.SplitAbove(from, to, Eta, walk.Levels[^1]);
            (Tensor low, Tensor high) = BothOrders(walk, x, from, down);
            double error = Error(low.DividedBy(to.Alpha), high.DividedBy(to.Alpha), before.DividedBy(beforeLevel.Alpha));
            if (!double.IsFinite(error))
            {
                throw SamplingRun.NotFinite($"The estimates at half log-SNR {at} hold NaN or infinity");
            }

            if (!lengths.Accepts(error))
            {
                continue;
            }

            Tensor moved = added > 0 ? high.Plus(walk.Noise(steps, 0, from, to).Times(added * NoiseScale)) : high;
            x.Dispose();
            before.Dispose();
            (x, before, beforeLevel, at) = (moved.MoveToOuterDisposeScope(), low.MoveToOuterDisposeScope(), to, next);
            steps++;
            double fraction = at < end - 1e-5 ? (at - begin) / (end - begin) : 1;
            walk.Report(steps, (int)Math.Ceiling(steps / fraction) + left, fraction * ((double)steps / (steps + left)));
        }

        before.Dispose();
        return (x, steps);
    }

    private static ExponentialStep Between(NoiseLevel from, NoiseLevel to) => new(from, to, SolverForm.Noise);

    private (Tensor Low, Tensor High) BothOrders(SamplingWalk walk, Tensor x, NoiseLevel from, NoiseLevel to)
    {
        Tensor start = walk.Denoise(x, from).Noise;
        double h = to.HalfLogSnr - from.HalfLogSnr;
        double place = Order == 2 ? 0.5 : 1.0 / 3;
        NoiseLevel inner = walk.Schedule.WithHalfLogSnr(from.HalfLogSnr + (place * h));
        Tensor first = walk.Denoise(Between(from, inner).First(x, start), inner).Noise;
        Tensor second = Between(from, to).Second(x, start, first, place, SolverSlope.HalfPhi);
        if (Order == 2)
        {
            return (Between(from, to).First(x, start), second);
        }

        NoiseLevel later = walk.Schedule.WithHalfLogSnr(from.HalfLogSnr + (2 * h / 3));
        Tensor there = walk.Denoise(Between(from, later).Second(x, start, first, 0.5, SolverSlope.Exact), later).Noise;
        return (second, Between(from, to).Second(x, start, there, 2.0 / 3, SolverSlope.Exact));
    }

    private double Error(Tensor low, Tensor high, Tensor before)
    {
        Tensor allowed = maximum(low.abs(), before.abs()).Times(RelativeTolerance).AtLeast(AbsoluteTolerance);
        return Math.Sqrt(((low - high) / allowed).Squared().mean().to(ScalarType.Float64).item<double>());
    }

    private IEnumerable<string> Problems(INoiseSchedule schedule, double min, double max)
    {
        if (Order is not (2 or 3))
        {
            yield return $"Order is {Order}, but must be 2 or 3.";
        }

        foreach ((string name, double value) in ((string, double)[])[(nameof(RelativeTolerance), RelativeTolerance),
            (nameof(AbsoluteTolerance), AbsoluteTolerance), (nameof(FirstStep), FirstStep), (nameof(NoiseScale), NoiseScale)])
        {
            if (!(value > 0) || !double.IsFinite(value))
            {
                yield return $"{name} is {value}, but must be a number above 0.";
            }
        }

        if (Control is not { MinFactor: > 0 and <= 1 } control
            || !double.IsFinite(control.Proportional + control.Integral + control.Derivative))
        {
            yield return $"Control is {Control?.ToString() ?? "null"}, but must hold finite numbers and a MinFactor in (0, 1]. Use new().";
        }

        if (Eta is not (>= 0 and <= 1))
        {
            yield return $"Eta is {Eta}, but must lie in 0..1. Use 0 for none.";
        }

        if (!(min > 0) || !(max > min) || !double.IsFinite(max))
        {
            yield return $"The sampler goes from sigma / alpha {max} to {min} of {schedule.Description}, but must go from a finite "
                + "number to a smaller one above 0. Set MaxRatio and MinRatio.";
        }
    }
}

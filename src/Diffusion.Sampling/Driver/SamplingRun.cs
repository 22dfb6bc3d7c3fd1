using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// What all samplers share: checks before work starts, batches, noise that does not depend on them, progress, and the result. A sampler
/// is what remains: how one batch walks from noise to images.
/// </summary>
public sealed class SamplingRun
{
    private readonly IDenoiser denoiser;
    private readonly SampleRequest request;
    private readonly IProgress<SamplingProgress>? progress;
    private readonly ImageShape shape;

    /// <summary>Checks a request.</summary>
    /// <param name="denoiser">The model, or a denoiser around it.</param>
    /// <param name="request">Which images.</param>
    /// <param name="samplerProblems">What is wrong with the sampler's own options; empty when nothing is.</param>
    /// <param name="progress">Told after each step; null for nobody.</param>
    /// <exception cref="ArgumentException">Something does not fit; the message lists every reason with its remedy.</exception>
    public SamplingRun(IDenoiser denoiser, SampleRequest request, IEnumerable<string> samplerProblems,
        IProgress<SamplingProgress>? progress)
    {
        ArgumentNullException.ThrowIfNull(denoiser);
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(samplerProblems);
        string[] problems = [.. samplerProblems, .. request.Problems(denoiser)];
        if (problems.Length > 0)
        {
            throw new ArgumentException(
                problems.Length == 1 ? problems[0] : $"Sampling has {problems.Length} problems:\n- {string.Join("\n- ", problems)}");
        }

        this.denoiser = denoiser;
        this.request = request;
        this.progress = progress;
        shape = (request.Shape ?? denoiser.Source.SampleShape)!.Value;
    }

    /// <summary>Walks every batch from noise to images.</summary>
    /// <param name="levels">The levels from the first, whose noise the walk starts with, to the last.</param>
    /// <param name="clipping">What is done with estimates outside [-1, 1].</param>
    /// <param name="walk">
    /// Turns a batch into images <c>[B, C, H, W]</c>. It runs inside a dispose scope that frees whatever it leaves behind.
    /// </param>
    /// <param name="cancellationToken">Looked at before each call of the denoiser.</param>
    /// <returns>float32 <c>[N, C, H, W]</c> on the CPU; it belongs to the caller.</returns>
    /// <exception cref="InvalidOperationException">An image holds NaN or infinity.</exception>
    public Tensor Execute(IReadOnlyList<NoiseLevel> levels, SampleClipping clipping, Func<SamplingWalk, Tensor> walk,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(levels);
        ArgumentNullException.ThrowIfNull(clipping);
        ArgumentNullException.ThrowIfNull(walk);
        long began = Stopwatch.GetTimestamp();
        Device device = denoiser.Source.Device;
        IDenoiser clipped = clipping == SampleClipping.None ? denoiser : new ClippingDenoiser(denoiser, clipping);
        double[] times = [.. levels.SkipLast(1).Select(level => level.Time)];
        bool byTimestep = denoiser.Source.Schedule is DiscreteSchedule && times.All(double.IsInteger)
            && times.Distinct().Count() == times.Length;
        using DisposeScope scope = NewDisposeScope();
        Tensor images = empty([request.Count, shape.Channels, shape.Height, shape.Width], ScalarType.Float32, CPU); // [N, C, H, W]
        for (int done = 0; done < request.Count;)
        {
            using DisposeScope batchScope = NewDisposeScope();
            int first = done;
            int size = Math.Min(request.BatchSize, request.Count - first);
            long[] indices = [.. Enumerable.Range(first, size).Select(i => request.FirstIndex + i)];
            SeededNoise noise = new(new SeedStream(request.Seed), indices, shape, device, byTimestep);
            Tensor start = noise.Initial().MultiplyBy(StartScale(levels[0])); // [B, C, H, W]
            SamplingWalk batch = new(clipped, Classes(first, size, device), levels, start, noise, Report, cancellationToken);

            Tensor finished = images.narrow(0, first, size).copy_(walk(batch)); // [B, C, H, W]
            CheckFinite(finished, indices);
            done += size;

            void Report(int step, int count, double fraction) => progress?.Report(new SamplingProgress(
                ImagesDone: fraction == 1 ? first + size : first,
                ImageCount: request.Count,
                Step: step,
                StepCount: count,
                Fraction: (first + (size * fraction)) / request.Count,
                Elapsed: Stopwatch.GetElapsedTime(began)));
        }

        return images.MoveToOuterDisposeScope();
    }

    /// <summary>Why clipping cannot be done, where it cannot.</summary>
    internal static IEnumerable<string> ClippingProblems(SampleClipping? clipping) =>
        clipping is null ? ["Clipping is null. Use SampleClipping.Clip, or SampleClipping.None for none."] : [];

    // Images of unit variance stay so in a variance-preserving schedule; in any other the image's own part is left out, as it is unknown.
    private static double StartScale(NoiseLevel level) =>
        Math.Abs((level.Alpha * level.Alpha) + (level.Sigma * level.Sigma) - 1) < 1e-6 ? 1 : level.Sigma;

    private Conditioning Classes(int first, int size, Device device)
    {
        if (request.ClassLabels is not { } labels)
        {
            return Conditioning.None;
        }

        long[] own = [.. Enumerable.Range(first, size).Select(i => labels[labels.Count == 1 ? 0 : i])];
        return new Conditioning { ClassLabels = tensor(own, ScalarType.Int64, device) }; // [B]
    }

    private static void CheckFinite(Tensor images, long[] indices)
    {
        bool[] finite = images.isfinite().flatten(1).all(1).data<bool>().ToArray(); // [B]
        int bad = finite.AsSpan().IndexOf(false);
        if (bad >= 0)
        {
            throw new InvalidOperationException(
                $"Image {indices[bad]} holds NaN or infinity, as do {finite.Count(f => !f)} of {indices.Length} in its batch: the network "
                + "answered with them. Its weights are damaged or its training diverged; take an earlier checkpoint, or float32 if it "
                + "ran in less.");
        }
    }
}

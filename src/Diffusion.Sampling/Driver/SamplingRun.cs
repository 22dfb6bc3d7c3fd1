using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// What all samplers share: checks, batches, noise that does not depend on batches, progress and the result. A sampler
/// only defines how one batch gets from noise to images.
/// </summary>
public sealed class SamplingRun
{
    private readonly IDenoiser denoiser;
    private readonly SampleRequest request;
    private readonly IProgress<SamplingProgress>? progress;
    private readonly ImageShape shape;

    /// <summary>Checks a request.</summary>
    /// <param name="denoiser">The model, or a denoiser around it.</param>
    /// <param name="request">The images to generate.</param>
    /// <param name="samplerProblems">The problems of the sampler's options; empty when there are none.</param>
    /// <param name="progress">Receives progress after each step; null for none.</param>
    /// <exception cref="ArgumentException">Something does not fit; the message lists every reason with its remedy.</exception>
    public SamplingRun(IDenoiser denoiser, SampleRequest request, IEnumerable<string> samplerProblems,
        IProgress<SamplingProgress>? progress)
    {
        ArgumentNullException.ThrowIfNull(denoiser);
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(samplerProblems);
        Refuse([.. samplerProblems, .. request.Problems(denoiser)]);
        this.denoiser = denoiser;
        this.request = request;
        this.progress = progress;
        shape = (request.Shape ?? denoiser.Source.SampleShape)!.Value;
    }

    /// <summary>Whether the walk starts from noise alone, whatever <see cref="SampleRequest.StartImages"/> are.</summary>
    internal bool StartsFromNoise { get; init; }

    /// <summary>Whether the steps go from each level to the next. Default true; false if the walk finds its steps as it goes.</summary>
    internal bool KnowsSteps { get; init; } = true;

    /// <summary>Turns every batch from noise into images.</summary>
    /// <param name="levels">
    /// The levels from the first, whose noise the walk starts with, to the last. With a single level no step is taken: the images are
    /// <see cref="SampleRequest.StartImages"/>.
    /// </param>
    /// <param name="clipping">How estimates outside [-1, 1] are handled.</param>
    /// <param name="walk">
    /// Turns a batch into images <c>[B, C, H, W]</c>. It runs in a dispose scope that frees its other tensors.
    /// </param>
    /// <param name="cancellationToken">Checked before each call of the denoiser.</param>
    /// <returns>float32 <c>[N, C, H, W]</c> on the CPU; it belongs to the caller.</returns>
    /// <exception cref="ArgumentException">
    /// There is no step to take, or the levels go up to noise, and there are no images to start from.
    /// </exception>
    /// <exception cref="InvalidOperationException">An image holds NaN or infinity.</exception>
    public Tensor Execute(IReadOnlyList<NoiseLevel> levels, SampleClipping clipping, Func<SamplingWalk, Tensor> walk,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(levels);
        ArgumentNullException.ThrowIfNull(clipping);
        ArgumentNullException.ThrowIfNull(walk);
        bool isStill = levels.Count == 1;
        if (isStill && request.StartImages is null)
        {
            throw new ArgumentException(
                "The grid has no steps, so that the images would be those that sampling starts from, but StartImages is not set. Set it, "
                + "or a Strength above 0.", nameof(levels));
        }

        bool inverts = levels[^1].Ratio > levels[0].Ratio;
        if (inverts && request.StartImages is null)
        {
            throw new ArgumentException(
                "The grid goes up to noise, so that sampling inverts images, but StartImages is not set. Set it to the images.",
                nameof(levels));
        }

        using Activity? activity = SamplingActivity.Start(request.Count, shape);
        long began = Stopwatch.GetTimestamp();
        Device device = denoiser.Source.Device;
        IDenoiser clipped = ClippingDenoiser.Around(denoiser, clipping);
        double[] times = [.. levels.SkipLast(1).Select(level => level.Time)];
        bool byTimestep = KnowsSteps && denoiser.Source.Schedule is DiscreteSchedule && times.All(double.IsInteger)
            && times.Distinct().Count() == times.Length;
        using DisposeScope scope = NewDisposeScope();
        Tensor images = empty([request.Count, shape.Channels, shape.Height, shape.Width], ScalarType.Float32, CPU); // [N, C, H, W]
        for (int done = 0; done < request.Count;)
        {
            using DisposeScope batchScope = NewDisposeScope();
            int first = done;
            int size = Math.Min(request.BatchSize, request.Count - first);
            IReadOnlyList<SeededImage> seeded = request.ImagesAt(first, size);
            SeededNoise noise = new(seeded, shape, device, byTimestep);
            NoiseLevel begin = isStill ? NoiseLevel.Clean : levels[0];
            Tensor start = Start(InitialNoise(noise, first, size), begin, inverts, first, size); // [B, C, H, W]
            using SamplingWalk batch = new(clipped, Classes(first, size, device), levels, start, noise, Report, cancellationToken);

            Tensor finished = images.narrow(0, first, size).copy_(walk(batch)); // [B, C, H, W]
            if (inverts)
            {
                finished.DivideBy(StartScale(levels[^1])); // An inversion gives noise of unit variance.
            }

            CheckFinite(finished, seeded);
            done += size;
            if (isStill)
            {
                Report(0, 0, 1);
            }

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

    /// <summary>Throws if there are problems.</summary>
    /// <exception cref="ArgumentException">There are problems; the message lists all of them.</exception>
    internal static void Refuse(IReadOnlyList<string> problems)
    {
        if (problems.Count > 0)
        {
            throw new ArgumentException(
                problems.Count == 1 ? problems[0] : $"Sampling has {problems.Count} problems:\n- {string.Join("\n- ", problems)}");
        }
    }

    /// <summary>The error of a network that returned NaN or infinity.</summary>
    /// <param name="what">Where they were found, without a full stop.</param>
    internal static InvalidOperationException NotFinite(string what) => new(
        $"{what}: the network returned them. Its weights are damaged or its training diverged; use an earlier checkpoint, or float32 if it "
        + "ran in less.");

    /// <summary>Why clipping is not possible; empty when it is.</summary>
    internal static IEnumerable<string> ClippingProblems(SampleClipping? clipping) =>
        clipping is null ? ["Clipping is null. Use SampleClipping.Clip, or SampleClipping.None for none."] : [];

    // A variance-preserving schedule starts with unit variance; any other with its noise alone, as the image is unknown.
    private static double StartScale(NoiseLevel level) =>
        Math.Abs((level.Alpha * level.Alpha) + (level.Sigma * level.Sigma) - 1) < 1e-6 ? 1 : level.Sigma;

    private Tensor InitialNoise(SeededNoise noise, int first, int size) => request.StartNoise is { } given
        ? Batch(given, first, size).expand(size, -1, -1, -1).to(ScalarType.Float32, denoiser.Source.Device, copy: true)
        : noise.Initial(); // [B, C, H, W]

    private static Tensor Batch(Tensor given, int first, int size) => given.shape[0] == 1 ? given : given.narrow(0, first, size);

    // An inversion takes the images as they are: noise that is drawn could not be found again.
    private Tensor Start(Tensor noise, NoiseLevel level, bool inverts, int first, int size)
    {
        if (StartsFromNoise || request.StartImages is not { } images)
        {
            return noise.MultiplyBy(StartScale(level));
        }

        Tensor batch = Batch(images, first, size); // [1 or B, C, H, W]
        return noise.MultiplyBy(inverts ? 0 : level.Sigma).Plus(batch.to(noise.dtype).to(noise.device).Times(level.Alpha));
    }

    private Conditioning Classes(int first, int size, Device device) => request.LabelsAt(first, size) is { } labels
        ? new Conditioning { ClassLabels = tensor([.. labels], ScalarType.Int64, device) } // [B]
        : Conditioning.None;

    private static void CheckFinite(Tensor images, IReadOnlyList<SeededImage> seeded)
    {
        bool[] finite = images.isfinite().flatten(1).all(1).data<bool>().ToArray(); // [B]
        int bad = finite.AsSpan().IndexOf(false);
        if (bad >= 0)
        {
            throw NotFinite(
                $"Image {seeded[bad].Index} holds NaN or infinity, as do {finite.Count(f => !f)} of {seeded.Count} in its batch");
        }
    }
}

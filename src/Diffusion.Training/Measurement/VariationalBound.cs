using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// The variational bound of images in bits per dimension (Ho et al. 2020, equation 5): an upper bound of the bits that a lossless code with
/// the model needs for each channel of a pixel. Lower is better; CIFAR-10 models reach 2.9 to 3.8.
/// </summary>
/// <remarks>
/// Images must be 8-bit pixels in [-1, 1], and the schedule one of timesteps with alpha^2 + sigma^2 = 1. A network that predicts the
/// variance is measured with it. One measurement asks the model once for each timestep.
/// </remarks>
/// <param name="denoiser">The model; it stays the caller's.</param>
public sealed class VariationalBound(IDenoiser denoiser)
{
    private readonly IDenoiser denoiser = denoiser ?? throw new ArgumentNullException(nameof(denoiser));

    /// <summary>Whether the estimate of the clean image is clamped to [-1, 1]. Default true.</summary>
    public bool ClipsEstimate { get; init; } = true;

    /// <summary>
    /// Whether a variance that is not learned is beta, the larger of the two fixed ones of Ho et al. 2020. Default false: that of the
    /// posterior.
    /// </summary>
    public bool UsesLargeVariance { get; init; }

    /// <summary>
    /// Whether the likelihood of the pixels is the approximation by tanh of the programs behind the published figures, which differs by up
    /// to some hundredths of a bit. Default false: exact.
    /// </summary>
    public bool ApproximatesLikelihood { get; init; }

    /// <summary>Measures images.</summary>
    /// <param name="images">8-bit pixels p as (p / 127.5) - 1, floating point <c>[B, C, H, W]</c>, on the model's device.</param>
    /// <param name="conditioning">Class labels where the model has classes; null for none.</param>
    /// <param name="seed">The seed of the noise, which belongs to the place of an image in the batch. Default 0.</param>
    /// <param name="cancellationToken">Ends it between two timesteps.</param>
    /// <returns>The bits per dimension of each image.</returns>
    /// <exception cref="InvalidOperationException">The schedule has no timesteps, or alpha^2 + sigma^2 is not 1.</exception>
    /// <exception cref="OperationCanceledException">It was canceled.</exception>
    public IReadOnlyList<double> Measure(
        Tensor images, Conditioning? conditioning = null, long seed = 0, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(images);
        INoiseSchedule schedule = denoiser.Source.Schedule;
        NoiseLevel[] levels = schedule is DiscreteSchedule discrete
            ? [.. Enumerable.Range(0, discrete.Timesteps).Select(t => discrete[t])]
            : [];
        if (levels is [] || Array.Exists(levels, level => Math.Abs((level.Alpha * level.Alpha) + (level.Sigma * level.Sigma) - 1) > 1e-6))
        {
            throw new InvalidOperationException(
                $"The bound needs timesteps with alpha^2 + sigma^2 = 1, but the schedule is {schedule.Description}. Measure a model of a "
                + "schedule of betas.");
        }

        SeedStream seeds = new(seed);
        long[] places = [.. Enumerable.Range(0, (int)images.shape[0]).Select(place => (long)place)];
        ImageShape shape = new((int)images.shape[1], (int)images.shape[2], (int)images.shape[3]);
        (double[] prior, double[][] terms) = Terms(images, conditioning ?? Conditioning.None, levels, Noise, cancellationToken);
        return [.. places.Select(place => prior[place] + terms.Sum(term => term[place]))];

        Tensor Noise(int timestep)
        {
            using Tensor drawn = NormalNoise.Draw(seeds.Child(RandomPurpose.Timestep, timestep), RandomPurpose.Noise, places, shape);
            return drawn.to(images.dtype).to(images.device);
        }
    }

    /// <summary>The prior term of each image, and for each timestep the term of each image.</summary>
    internal (double[] Prior, double[][] Terms) Terms(Tensor images, Conditioning conditioning, IReadOnlyList<NoiseLevel> levels,
        Func<int, Tensor> noise, CancellationToken cancellationToken)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        double[][] terms = new double[levels.Count][];
        for (int t = 0; t < terms.Length; t++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using DisposeScope step = NewDisposeScope();
            terms[t] = Numbers(TermAt(images, conditioning, t, levels[t], PosteriorStep.At(at => levels[at], t), noise(t)));
        }

        return (Numbers(BoundTerms.Prior(images, levels[^1])), terms);
    }

    /// <summary>The term of a timestep, <c>[B]</c>.</summary>
    internal Tensor TermAt(Tensor images, Conditioning conditioning, int timestep, NoiseLevel level, PosteriorStep step, Tensor noise)
    {
        int batch = (int)images.shape[0];
        Tensor noisy = images.Times(level.Alpha).Plus(noise.Times(level.Sigma));
        using Estimate estimate = denoiser.Denoise(noisy, level, conditioning);
        PosteriorStep[] steps = [.. Enumerable.Repeat(step, batch)];
        Tensor logVariance = estimate.Variance is { } predicted
            ? BoundTerms.LearnedLogVariance(predicted, steps)
            : zeros_like(images).Fill(step.FixedLogVariance(timestep, UsesLargeVariance));
        Tensor clean = ClipsEstimate ? estimate.Clean.Between(-1, 1) : estimate.Clean;
        return BoundTerms.Of(images, noisy, clean, logVariance, steps, [.. Enumerable.Repeat(timestep, batch)], ApproximatesLikelihood);
    }

    private static double[] Numbers(Tensor perImage)
    {
        using Tensor onCpu = perImage.to(ScalarType.Float64).ToHost();
        return onCpu.data<double>().ToArray();
    }
}

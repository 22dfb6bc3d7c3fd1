using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Guides a denoiser away from a weaker one: <c>clean = weak + scale * (strong - weak)</c>. Every sampler works with it.
/// </summary>
/// <remarks>
/// <para>
/// Classifier-free guidance (Ho and Salimans 2022): the weak estimate is that of the same network for the class
/// <see cref="UnconditionalClass"/>. The network must have been trained with label dropout.
/// </para>
/// <para>Autoguidance (Karras et al. 2024): the weak estimate is that of <see cref="Guide"/>, a smaller or less trained network.</para>
/// </remarks>
public sealed class GuidedDenoiser : IDenoiser
{
    private const double MinDeviation = 1e-8; // an image of one value has no contrast to restore

    private readonly IDenoiser inner;
    private readonly double scale;

    /// <summary>Guides a denoiser.</summary>
    /// <param name="inner">The denoiser to guide. It belongs to the caller.</param>
    /// <param name="scale">The strength: 1 for no guidance, 0 for the weak estimate alone; 1.5 to 8 is usual.</param>
    /// <exception cref="ArgumentOutOfRangeException">The scale is negative, infinite or not a number.</exception>
    public GuidedDenoiser(IDenoiser inner, double scale)
    {
        ArgumentNullException.ThrowIfNull(inner);
        if (!(scale >= 0 && double.IsFinite(scale)))
        {
            throw new ArgumentOutOfRangeException(nameof(scale), scale,
                "The guidance scale must be at least 0 and finite. Use 1.5 to 8, or 1 for no guidance.");
        }

        this.inner = inner;
        this.scale = scale;
    }

    /// <inheritdoc/>
    public Denoiser Source => inner.Source;

    /// <summary>The weaker denoiser of autoguidance. Null, the default, for classifier-free guidance.</summary>
    public IDenoiser? Guide { get; init; }

    /// <summary>The class that means "no class". Null, the default, for the last class of the model, as label dropout trains it.</summary>
    public long? UnconditionalClass { get; init; }

    /// <summary>
    /// Guides only at levels whose sigma / alpha (<see cref="NoiseLevel.Ratio"/>) is at least this number (Kynkäänniemi et al. 2024, who
    /// use 0.2 to 0.3). Guidance at low noise costs calls and gains little. Default 0.
    /// </summary>
    public double MinRatio { get; init; }

    /// <summary>
    /// Guides only at levels whose sigma / alpha is at most this number; 1 to 5 is usual. Guidance at high noise makes images alike.
    /// Default infinite.
    /// </summary>
    public double MaxRatio { get; init; } = double.PositiveInfinity;

    /// <summary>
    /// The fraction, 0 to 1, by which the standard deviation of each guided image is moved back to that of the strong estimate, against
    /// images with too much contrast (Lin et al. 2024, section 3.4, applied to the estimate of the clean image). Default 0; 0.7 is usual.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The fraction is outside [0, 1].</exception>
    public double Rescale
    {
        get;
        init => field = value is >= 0 and <= 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, string.Create(
            CultureInfo.InvariantCulture, $"{nameof(Rescale)} is {value}, but must be in 0..1. Use 0.7, or 0 for none."));
    }

    /// <summary>
    /// Whether classifier-free guidance computes both estimates in one call of twice the batch, which is faster. False calls the network
    /// twice and needs half the memory. Default true.
    /// </summary>
    public bool UsesOneCall { get; init; } = true;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">
    /// <see cref="MinRatio"/> is above <see cref="MaxRatio"/>, classifier-free guidance has no class labels, or the class that means "no
    /// class" is not one of the model's.
    /// </exception>
    public Estimate Denoise(Tensor noisy, NoiseLevel level, Conditioning? conditioning = null)
    {
        ArgumentNullException.ThrowIfNull(noisy);
        if (!(MinRatio <= MaxRatio))
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"{nameof(MinRatio)} is {MinRatio}, above {nameof(MaxRatio)}, {MaxRatio}: nothing would be guided. Swap them."));
        }

        long? noClass = scale == 1 || Guide is not null ? null : NoClass(conditioning); // checked also where a level is not guided
        if (scale == 1 || level.Ratio < MinRatio || level.Ratio > MaxRatio)
        {
            return inner.Denoise(noisy, level, conditioning);
        }

        using DisposeScope scope = NewDisposeScope();
        (Estimate strong, Tensor weak) = Estimates(noisy, level, conditioning, noClass);
        Tensor clean = weak.Plus((strong.Clean - weak).Times(scale)); // [B, C, H, W]
        if (Rescale > 0)
        {
            Tensor before = strong.Clean.std([1, 2, 3], unbiased: false, keepdim: true);
            Tensor ratio = before / clean.std([1, 2, 3], unbiased: false, keepdim: true).AtLeast(MinDeviation); // [B, 1, 1, 1]
            clean = clean.Times(1 - Rescale).Plus((clean * ratio).Times(Rescale));
        }

        return strong.WithClean(clean, noisy, level).MovedToOuterScope();
    }

    private (Estimate Strong, Tensor Weak) Estimates(
        Tensor noisy, NoiseLevel level, Conditioning? conditioning, long? noClass)
    {
        if (Guide is not null)
        {
            bool isUnconditional = Guide.Source.Model.ClassCount is null && conditioning is not null;
            Conditioning? ofGuide = isUnconditional ? conditioning! with { ClassLabels = null } : conditioning;
            return (inner.Denoise(noisy, level, conditioning), Guide.Denoise(noisy, level, ofGuide).Clean);
        }

        Conditioning none = conditioning! with { ClassLabels = zeros_like(conditioning.ClassLabels!).Fill(noClass!.Value) };
        if (!UsesOneCall)
        {
            return (inner.Denoise(noisy, level, conditioning), inner.Denoise(noisy, level, none).Clean);
        }

        Estimate both = inner.Denoise(cat([noisy, noisy], 0), level, Conditioning.Concatenate(conditioning, none)); // [2B, C, H, W]
        long count = noisy.shape[0];
        Estimate strong = new(both.Clean.narrow(0, 0, count), both.Noise.narrow(0, 0, count))
        {
            Variance = both.Variance?.narrow(0, 0, count),
        };
        return (strong, both.Clean.narrow(0, count, count));
    }

    private long NoClass(Conditioning? conditioning)
    {
        if (conditioning?.ClassLabels is null || Source.Model.ClassCount is not { } classes)
        {
            throw new ArgumentException(
                "Classifier-free guidance needs class labels, but there are none. Set ClassLabels of the request for a model with classes, "
                + $"or set {nameof(Guide)} for autoguidance.",
                nameof(conditioning));
        }

        long none = UnconditionalClass ?? classes - 1;
        return none >= 0 && none < classes
            ? none
            : throw new ArgumentException(
                $"{nameof(UnconditionalClass)} is {none}, but the model's classes are 0..{classes - 1}. Use the class that label dropout "
                + "trained, by default the last one.",
                nameof(conditioning));
    }
}

using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Guides a denoiser away from a weaker one: <c>clean = weak + Scale * (strong - weak)</c>. Every sampler works with it.
/// </summary>
/// <remarks>
/// <para>
/// Classifier-free guidance (Ho and Salimans 2022): the weak estimate is that of the same network for the class
/// <see cref="UnconditionalClass"/>. The network must have been trained with label dropout. Both estimates come from one batched call.
/// </para>
/// <para>Autoguidance (Karras et al. 2024): the weak estimate is that of <see cref="Guide"/>, a smaller or less trained network.</para>
/// </remarks>
/// <param name="inner">The denoiser to guide.</param>
/// <param name="scale">The strength: 1 for no guidance, 1.5 to 8 is usual.</param>
public sealed class GuidedDenoiser(IDenoiser inner, double scale) : IDenoiser
{
    /// <inheritdoc/>
    public Denoiser Source => inner.Source;

    /// <summary>The weaker denoiser of autoguidance. Null, the default, for classifier-free guidance.</summary>
    public IDenoiser? Guide { get; init; }

    /// <summary>The class that means "no class". Null, the default, for the last class of the model.</summary>
    public long? UnconditionalClass { get; init; }

    /// <summary>
    /// Guides only at levels whose ln(alpha / sigma) is at least this number (Kynkäänniemi et al. 2024). Default: at all levels.
    /// </summary>
    public double MinHalfLogSnr { get; init; } = double.NegativeInfinity;

    /// <summary>Guides only at levels whose ln(alpha / sigma) is at most this number. Default: at all levels.</summary>
    public double MaxHalfLogSnr { get; init; } = double.PositiveInfinity;

    /// <summary>
    /// The fraction, 0 to 1, by which the standard deviation of each guided image is moved back to that of the strong estimate (Lin et al.
    /// 2024, equation 16), against images that are too contrasty. Default 0; 0.7 is usual.
    /// </summary>
    public double Rescale { get; init; }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">There are no class labels for classifier-free guidance.</exception>
    public Estimate Denoise(Tensor noisy, NoiseLevel level, Conditioning? conditioning = null)
    {
        ArgumentNullException.ThrowIfNull(noisy);
        if (scale == 1 || level.HalfLogSnr < MinHalfLogSnr || level.HalfLogSnr > MaxHalfLogSnr)
        {
            return inner.Denoise(noisy, level, conditioning);
        }

        using DisposeScope scope = NewDisposeScope();
        (Tensor strong, Tensor weak, Tensor? variance) = Guide is { } guide
            ? Separate(guide, noisy, level, conditioning)
            : Batched(noisy, level, conditioning);
        Tensor clean = weak + (strong - weak).Times(scale); // [B, C, H, W]
        if (Rescale > 0)
        {
            Tensor ratio = strong.std([1, 2, 3], keepdim: true) / clean.std([1, 2, 3], keepdim: true); // [B, 1, 1, 1]
            clean = clean.Times(1 - Rescale) + (clean * ratio).Times(Rescale);
        }

        Tensor noise = (noisy - clean.Times(level.Alpha)).DividedBy(level.Sigma);
        return new Estimate(clean.MoveToOuterDisposeScope(), noise.MoveToOuterDisposeScope())
        {
            Variance = variance?.MoveToOuterDisposeScope(),
        };
    }

    private (Tensor Strong, Tensor Weak, Tensor? Variance) Separate(
        IDenoiser guide, Tensor noisy, NoiseLevel level, Conditioning? conditioning)
    {
        Estimate strong = inner.Denoise(noisy, level, conditioning);
        return (strong.Clean, guide.Denoise(noisy, level, conditioning).Clean, strong.Variance);
    }

    private (Tensor Strong, Tensor Weak, Tensor? Variance) Batched(Tensor noisy, NoiseLevel level, Conditioning? conditioning)
    {
        Tensor labels = conditioning?.ClassLabels ?? throw new ArgumentException(
            "Classifier-free guidance needs class labels, but there are none. Set ClassLabels of the request, or use Guide.",
            nameof(conditioning));
        long unconditional = UnconditionalClass ?? Source.Model.ClassCount!.Value - 1;
        Tensor none = tensor([.. Enumerable.Repeat(unconditional, (int)labels.shape[0])], ScalarType.Int64, labels.device); // [B]
        Estimate both = inner.Denoise(cat([noisy, noisy], 0), level, new Conditioning { ClassLabels = cat([labels, none], 0) });
        Tensor[] clean = both.Clean.chunk(2, 0);
        return (clean[0], clean[1], both.Variance?.chunk(2, 0)[0]);
    }
}

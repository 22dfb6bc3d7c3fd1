namespace Diffusion.Training;

/// <summary>
/// The weightings of the loss. Options name them by their <see cref="ILossWeighting.Description"/>. All but <see cref="Uniform"/> and
/// <see cref="LearnedUncertainty"/> weigh the squared error of the clean image, whatever the network predicts; SNR is alpha^2 / sigma^2.
/// </summary>
public static class LossWeighting
{
    /// <summary>
    /// Every noise level counts the same in the space of the loss (the simple loss of Ho et al. 2020, equation 14): <c>uniform</c>.
    /// </summary>
    public static ILossWeighting Uniform { get; } = new UniformWeighting();

    /// <summary>max(SNR, 1) (Salimans and Ho 2022, section 4): <c>truncated-snr</c>.</summary>
    public static ILossWeighting TruncatedSnr { get; } = new TruncatedSnrWeighting();

    /// <summary>sqrt(SNR), on the noise 1 / sqrt(SNR) (Yu et al. 2023, "Debias the training"): <c>debiased</c>.</summary>
    public static ILossWeighting Debiased { get; } = new DebiasedWeighting();

    /// <summary>The names that options can use.</summary>
    internal static PartNames<ILossWeighting> Names { get; } = new(
        "weighting",
        part => part.Description,
        new("uniform", _ => Uniform),
        new("min-snr", values => MinSnr(values[0]), ("gamma", 5)),
        new("soft-min-snr", values => SoftMinSnr(values[0]), ("gamma", 5)),
        new("p2", values => P2(values[0], values[1]), ("gamma", 1), ("k", 1)),
        new("truncated-snr", _ => TruncatedSnr),
        new("edm", values => Edm(values[0]), ("sigma-data", 0.5)),
        new("learned-uncertainty", values => LearnedUncertainty((int)values[0]), ("channels", 128)),
        new("debiased", _ => Debiased),
        new("sigmoid", values => Sigmoid(values[0]), ("bias", 2)));

    /// <summary>min(SNR, gamma) (Hang et al. 2023): <c>min-snr(gamma: 5)</c>.</summary>
    /// <param name="gamma">Above 0. Default 5.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not above 0.</exception>
    public static ILossWeighting MinSnr(double gamma = 5) => new MinSnrWeighting(PartRange.Positive(gamma, 5));

    /// <summary>
    /// SNR gamma / (SNR + gamma), a smooth <see cref="MinSnr"/> (Crowson et al. 2024): <c>soft-min-snr(gamma: 5)</c>.
    /// </summary>
    /// <param name="gamma">Above 0. Default 5.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not above 0.</exception>
    public static ILossWeighting SoftMinSnr(double gamma = 5) => new SoftMinSnrWeighting(PartRange.Positive(gamma, 5));

    /// <summary>SNR / (k + SNR)^gamma, on the noise 1 / (k + SNR)^gamma (Choi et al. 2022): <c>p2(gamma: 1, k: 1)</c>.</summary>
    /// <param name="gamma">0 or more. Default 1.</param>
    /// <param name="k">Above 0. Default 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is outside its range.</exception>
    public static ILossWeighting P2(double gamma = 1, double k = 1) =>
        new P2Weighting(PartRange.Check(gamma >= 0 && double.IsFinite(gamma), gamma, "0 or more", 1), PartRange.Positive(k, 1));

    /// <summary>
    /// (sigma^2 + sigma_data^2) / (sigma sigma_data)^2 with sigma / alpha for sigma (Karras et al. 2022, table 1):
    /// <c>edm(sigma-data: 0.5)</c>. For a network with <see cref="Parameterization.Edm"/> of the same sigma_data it is 1.
    /// </summary>
    /// <param name="dataDeviation">The standard deviation of the clean images, above 0. Default 0.5.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not above 0.</exception>
    public static ILossWeighting Edm(double dataDeviation = 0.5) => new EdmWeighting(PartRange.Positive(dataDeviation, 0.5));

    /// <summary>
    /// SNR sigmoid(bias - log SNR), on the noise sigmoid(bias - log SNR) (Kingma and Gao 2023; Hoogeboom et al. 2024):
    /// <c>sigmoid(bias: 2)</c>.
    /// </summary>
    /// <param name="bias">A finite number; lower for larger images, -3 at 512 x 512 pixels. Default 2.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not finite.</exception>
    public static ILossWeighting Sigmoid(double bias = 2) => new SigmoidWeighting(PartRange.Finite(bias, 2));

    /// <summary>
    /// Divides the loss of a level by its learned size: loss / exp(u) + u, where u is a small network of the log-SNR that is trained with
    /// the model (Karras et al. 2024, equation 14): <c>learned-uncertainty(channels: 128)</c>. Before that, every level counts the same in
    /// the space of the loss.
    /// </summary>
    /// <param name="channels">The Fourier features of the network, 1 to 4096. Default 128.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are less than 1 or more than 4096.</exception>
    public static ILossWeighting LearnedUncertainty(int channels = 128) =>
        new LearnedUncertainty((int)PartRange.Check(channels is >= 1 and <= 4096, channels, "in 1..4096", 128));
}

using System.Globalization;

namespace Diffusion;

/// <summary>
/// Rectified flow (Liu et al. 2022, Lipman et al. 2022): a straight line from the image to noise, alpha = 1 - sigma. Without a shift sigma
/// is the time t; a shift s gives more time to noisy levels, sigma = s t / (1 + (s - 1) t) (Esser et al. 2024, equation 23). The network's
/// label is 1000 sigma, as in diffusers.
/// </summary>
public sealed class FlowSchedule : INoiseSchedule
{
    private const double LabelOfNoise = 1000;

    /// <summary>A schedule with a shift of the time.</summary>
    /// <param name="shift">Above 0. Default 1: none. Above 1 for larger images; 3 is usual at 1024 x 1024 pixels.</param>
    /// <exception cref="ArgumentOutOfRangeException">The shift is not a number above 0.</exception>
    public FlowSchedule(double shift = 1) => Shift = shift > 0 && double.IsFinite(shift)
        ? shift
        : throw new ArgumentOutOfRangeException(nameof(shift), shift, "The shift must be a number above 0. Use 1 for none.");

    /// <summary>The shift of the time; 1 for none.</summary>
    public double Shift { get; }

    /// <inheritdoc/>
    public double FirstTime => 0;

    /// <inheritdoc/>
    public double LastTime => 1;

    /// <inheritdoc/>
    public string Description =>
        Shift == 1 ? "rectified-flow" : string.Create(CultureInfo.InvariantCulture, $"rectified-flow(shift: {Shift:R})");

    /// <summary>
    /// The schedule for images of a number of tokens, shift = exp(mu): mu is linear from 0.5 at 256 tokens to 1.15 at 4096, as in FLUX.
    /// </summary>
    /// <param name="tokens">How many patches the network makes of an image, or its pixels where it makes none; at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is less than 1 token.</exception>
    public static FlowSchedule ForTokens(int tokens)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(tokens, 1);
        return new FlowSchedule(Math.Exp(0.5 + ((tokens - 256) * (1.15 - 0.5) / (4096 - 256))));
    }

    /// <inheritdoc/>
    public NoiseLevel At(double time)
    {
        ScheduleGuard.Time(this, time);
        double divisor = 1 + ((Shift - 1) * time);
        double sigma = Shift * time / divisor;
        return new NoiseLevel((1 - time) / divisor, sigma, time, LabelOfNoise * sigma);
    }

    /// <inheritdoc/>
    public double TimeOf(double halfLogSnr)
    {
        ScheduleGuard.Number(halfLogSnr, nameof(halfLogSnr));
        return Logistic(-halfLogSnr - Math.Log(Shift));
    }

    /// <inheritdoc/>
    public NoiseLevel WithHalfLogSnr(double halfLogSnr)
    {
        ScheduleGuard.Finite(halfLogSnr, nameof(halfLogSnr));
        double sigma = Logistic(-halfLogSnr);
        return new NoiseLevel(Logistic(halfLogSnr), sigma, TimeOf(halfLogSnr), LabelOfNoise * sigma);
    }

    /// <inheritdoc/>
    public override string ToString() => Description;

    private static double Logistic(double x) => x >= 0 ? 1 / (1 + Math.Exp(-x)) : Math.Exp(x) / (1 + Math.Exp(x));
}

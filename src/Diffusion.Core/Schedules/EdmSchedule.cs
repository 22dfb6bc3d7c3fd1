using System.Globalization;

namespace Diffusion;

/// <summary>
/// EDM's schedule (Karras et al. 2022): alpha is 1, and the time is sigma itself. The network's label is ln(sigma) / 4.
/// </summary>
public sealed class EdmSchedule : INoiseSchedule
{
    /// <summary>The usual minimum sigma: 0.002.</summary>
    public const double DefaultMinSigma = 0.002;

    /// <summary>The usual maximum sigma: 80.</summary>
    public const double DefaultMaxSigma = 80;

    /// <summary>A schedule from the minimum sigma to the maximum.</summary>
    /// <param name="minSigma">Above 0. Default 0.002.</param>
    /// <param name="maxSigma">Above <paramref name="minSigma"/>. Default 80.</param>
    /// <exception cref="ArgumentOutOfRangeException">A sigma is outside its range.</exception>
    public EdmSchedule(double minSigma = DefaultMinSigma, double maxSigma = DefaultMaxSigma)
    {
        if (!(minSigma > 0) || !(maxSigma > minSigma) || !double.IsFinite(maxSigma))
        {
            throw new ArgumentOutOfRangeException(
                nameof(minSigma), minSigma,
                    $"Sigma must go from a number above 0 up to a greater one, but goes from {minSigma} to {maxSigma}. Use 0.002 and 80.");
        }

        FirstTime = minSigma;
        LastTime = maxSigma;
    }

    /// <inheritdoc/>
    public double FirstTime { get; }

    /// <inheritdoc/>
    public double LastTime { get; }

    /// <inheritdoc/>
    public string Description => string.Create(CultureInfo.InvariantCulture, $"edm(sigma: {FirstTime} to {LastTime})");

    /// <inheritdoc/>
    public NoiseLevel At(double time)
    {
        ScheduleGuard.Time(this, time);
        return new NoiseLevel(1, time, time, Math.Log(time) / 4);
    }

    /// <inheritdoc/>
    public double TimeOf(double halfLogSnr)
    {
        ScheduleGuard.Number(halfLogSnr, nameof(halfLogSnr));
        return Math.Clamp(Math.Exp(-halfLogSnr), FirstTime, LastTime);
    }

    /// <inheritdoc/>
    public NoiseLevel WithHalfLogSnr(double halfLogSnr)
    {
        ScheduleGuard.Finite(halfLogSnr, nameof(halfLogSnr));
        double time = TimeOf(halfLogSnr);
        return new NoiseLevel(1, Math.Exp(-halfLogSnr), time, Math.Log(time) / 4);
    }

    /// <inheritdoc/>
    public override string ToString() => Description;
}

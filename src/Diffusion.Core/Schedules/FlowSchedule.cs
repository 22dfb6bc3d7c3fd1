namespace Diffusion;

/// <summary>
/// Rectified flow (Liu et al. 2022, Lipman et al. 2022): a straight line from the image at time 0 to noise at time 1, alpha = 1 - t and
/// sigma = t. The network's label is 1000 t, as in diffusers.
/// </summary>
public sealed class FlowSchedule : INoiseSchedule
{
    private const double LabelOfNoise = 1000;

    /// <inheritdoc/>
    public double FirstTime => 0;

    /// <inheritdoc/>
    public double LastTime => 1;

    /// <inheritdoc/>
    public string Description => "rectified-flow";

    /// <inheritdoc/>
    public NoiseLevel At(double time)
    {
        ScheduleGuard.Time(this, time);
        return new NoiseLevel(1 - time, time, time, LabelOfNoise * time);
    }

    /// <inheritdoc/>
    public double TimeOf(double halfLogSnr)
    {
        ScheduleGuard.Number(halfLogSnr, nameof(halfLogSnr));
        return Logistic(-halfLogSnr);
    }

    /// <inheritdoc/>
    public NoiseLevel WithHalfLogSnr(double halfLogSnr)
    {
        ScheduleGuard.Finite(halfLogSnr, nameof(halfLogSnr));
        double time = Logistic(-halfLogSnr);
        return new NoiseLevel(Logistic(halfLogSnr), time, time, LabelOfNoise * time);
    }

    /// <inheritdoc/>
    public override string ToString() => Description;

    private static double Logistic(double x) => x >= 0 ? 1 / (1 + Math.Exp(-x)) : Math.Exp(x) / (1 + Math.Exp(x));
}

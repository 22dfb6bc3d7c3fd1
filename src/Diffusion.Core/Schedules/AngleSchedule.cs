namespace Diffusion;

/// <summary>
/// The continuous cosine schedule of audio models (Dance Diffusion): alpha = cos(t pi / 2) and sigma = sin(t pi / 2), with t from 0 to 1 as
/// the network's label.
/// </summary>
internal sealed class AngleSchedule : INoiseSchedule
{
    public double FirstTime => 0;

    public double LastTime => 1;

    public string Description => "angle";

    public NoiseLevel At(double time)
    {
        ScheduleGuard.Time(this, time);
        (double sigma, double alpha) = Math.SinCos(time * Math.PI / 2);
        return new NoiseLevel(time == 1 ? 0 : alpha, sigma, time);
    }

    public double TimeOf(double halfLogSnr)
    {
        ScheduleGuard.Number(halfLogSnr, nameof(halfLogSnr));
        return Math.Atan(Math.Exp(-halfLogSnr)) * 2 / Math.PI;
    }

    public NoiseLevel WithHalfLogSnr(double halfLogSnr)
    {
        ScheduleGuard.Finite(halfLogSnr, nameof(halfLogSnr));
        double ratio = Math.Exp(-halfLogSnr);
        double alpha = 1 / double.Hypot(1, ratio);
        return new NoiseLevel(alpha, ratio * alpha, TimeOf(halfLogSnr));
    }

    public override string ToString() => Description;
}

namespace Diffusion;

/// <summary>
/// The network predicts v = (alpha * noise - sigma * clean) / hypot(alpha, sigma) (Salimans and Ho 2022, section 4, where the divisor
/// is 1).
/// </summary>
internal sealed class VelocityParameterization : IParameterization
{
    public string Description => "velocity";

    public Scalings At(NoiseLevel level)
    {
        double length = Math.Sqrt((level.Alpha * level.Alpha) + (level.Sigma * level.Sigma));
        return new Scalings(level, -level.Sigma / length, level.Alpha / length);
    }
}

namespace Diffusion.TestKit;

/// <summary>
/// The exact flow of <see cref="MixtureDenoiser"/>: d(x / alpha) / d(sigma / alpha) = noise, by the classical Runge-Kutta method in many
/// steps, in plain numbers.
/// </summary>
public static class ExactFlow
{
    /// <summary>Pixels of x / alpha, moved from a half log-SNR to another.</summary>
    public static double[] Move(double[] pixels, double from, double to)
    {
        int steps = Math.Max((int)(Math.Abs(to - from) * 400), 1);
        double width = (to - from) / steps;
        double[] moved = [.. pixels];
        for (int i = 0; i < steps; i++)
        {
            double at = from + (i * width);
            for (int j = 0; j < moved.Length; j++)
            {
                double first = Slope(moved[j], at);
                double second = Slope(moved[j] + (width / 2 * first), at + (width / 2));
                double third = Slope(moved[j] + (width / 2 * second), at + (width / 2));
                double fourth = Slope(moved[j] + (width * third), at + width);
                moved[j] += width / 6 * (first + (2 * second) + (2 * third) + fourth);
            }
        }

        return moved;
    }

    // With r = sigma / alpha = exp(-lambda), dr / d lambda = -r.
    private static double Slope(double pixel, double halfLogSnr)
    {
        double ratio = Math.Exp(-halfLogSnr);
        return -ratio * MixtureDenoiser.NoiseOf(pixel, ratio);
    }
}

namespace Diffusion.Training.Tests.Optimization;

/// <summary>AdamW in float64 for one parameter (Loshchilov and Hutter 2019, algorithm 2).</summary>
internal sealed class AdamStep(int length, double decay, double beta1 = 0.9, double beta2 = 0.999)
{
    /// <summary>The moments, which a test may change between two steps.</summary>
    public double[] First { get; } = new double[length];

    public double[] Second { get; } = new double[length];

    public void Apply(double[] values, double[] gradient, int t, double rate)
    {
        for (int i = 0; i < values.Length; i++)
        {
            First[i] = (beta1 * First[i]) + ((1 - beta1) * gradient[i]);
            Second[i] = (beta2 * Second[i]) + ((1 - beta2) * gradient[i] * gradient[i]);
            double denominator = Math.Sqrt(Second[i] / (1 - Math.Pow(beta2, t))) + 1e-8;
            values[i] -= rate * decay * values[i];
            values[i] -= rate * First[i] / (1 - Math.Pow(beta1, t)) / denominator;
        }
    }
}

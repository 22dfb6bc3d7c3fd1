namespace Diffusion.Training.Tests.Optimization;

public sealed class ProdigyTests
{
    // Mishchenko and Defazio 2023, algorithm 4, with the running sums of the reference implementation.
    [Theory]
    [InlineData(false, false, double.PositiveInfinity)]
    [InlineData(true, true, 2.0)]
    [InlineData(true, false, 1.5)]
    public void Thirty_steps_follow_the_algorithm(bool biasCorrection, bool safeguardWarmup, double growthRate)
    {
        const double D0 = 1e-3;
        (double beta1, double beta2, double beta3, double decay) = (0.8, 0.9, 0.95, 0.05);
        using TrainedCopy copy = new(Optimizers.Prodigy(
            decay, beta1, beta2, beta3, d0: D0, coefficient: 0.8, growthRate: growthRate, biasCorrection: biasCorrection,
            safeguardWarmup: safeguardWarmup));
        Dictionary<string, double[]> Zeros() => copy.Values.ToDictionary(each => each.Key, each => new double[each.Value.Length]);
        Dictionary<string, double[]> first = copy.Values.ToDictionary(each => each.Key, each => each.Value.ToArray());
        (Dictionary<string, double[]> s, Dictionary<string, double[]> m, Dictionary<string, double[]> v) = (Zeros(), Zeros(), Zeros());
        (double d, double largest, double numerator) = (D0, D0, 0);
        for (int t = 1; t <= 30; t++)
        {
            double rate = t / 30.0;
            IReadOnlyDictionary<string, double[]> gradients = copy.Step(1, rate); // the same each time, so that d grows
            double size = d * rate * (biasCorrection ? Math.Sqrt(1 - Math.Pow(beta2, t)) / (1 - Math.Pow(beta1, t)) : 1);
            numerator *= beta3;
            double denominator = 0;
            foreach ((string name, double[] g) in gradients)
            {
                for (int i = 0; i < g.Length; i++)
                {
                    numerator += d / D0 * size * g[i] * (first[name][i] - copy.Values[name][i]);
                    m[name][i] = (beta1 * m[name][i]) + (d * (1 - beta1) * g[i]);
                    v[name][i] = (beta2 * v[name][i]) + (d * d * (1 - beta2) * g[i] * g[i]);
                    s[name][i] = (beta3 * s[name][i]) + (d / D0 * (safeguardWarmup ? d : size) * g[i]);
                    denominator += Math.Abs(s[name][i]);
                }
            }

            double guess = 0.8 * numerator / denominator;
            d = d == D0 ? Math.Max(d, guess) : d;
            largest = Math.Max(largest, guess);
            d = Math.Min(largest, d * growthRate);
            foreach ((string name, double[] values) in copy.Values)
            {
                for (int i = 0; i < values.Length; i++)
                {
                    values[i] -= (copy.ShapeOf(name).Length > 1 ? decay : 0) * size * values[i];
                    values[i] -= size * m[name][i] / (Math.Sqrt(v[name][i]) + (d * 1e-8));
                }
            }
        }

        d.Should().BeGreaterThan(3 * D0);
        copy.Optimizer.State["d"].item<float>().Should().BeApproximately((float)d, (float)d * 1e-4f);
        copy.GreatestDifference().Should().BeLessThan(1e-5);
    }

    [Fact]
    public void Impossible_values_are_all_listed() =>
        Optimizers.Prodigy(weightDecay: -1, beta1: 1, beta2: 1, beta3: 1, epsilon: 0, d0: 0, coefficient: 0, growthRate: 1)
            .Problems.Should().HaveCount(8).And.OnlyContain(problem => problem.StartsWith("Prodigy's ") && problem.Contains("Use "));
}

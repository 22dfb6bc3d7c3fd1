namespace Diffusion.Training.Tests.Optimization;

public sealed class AdamTests
{
    // Kingma and Ba 2015, algorithm 1, with an L2 penalty in the gradient.
    [Fact]
    public void Ten_steps_follow_the_papers_algorithm() => ElementReference.Compare<double[]>(
        Optimizers.Adam(weightDecay: 0.1, beta1: 0.8, beta2: 0.95), 0.01, (value, gradient, t, rate, decays, memory) =>
        {
            double g = gradient + (decays ? 0.1 * value : 0);
            double m = (0.8 * (memory?[0] ?? 0)) + (0.2 * g);
            double v = (0.95 * (memory?[1] ?? 0)) + (0.05 * g * g);
            double denominator = Math.Sqrt(v / (1 - Math.Pow(0.95, t))) + 1e-8;
            return (value - (rate * m / (1 - Math.Pow(0.8, t)) / denominator), [m, v]);
        });

    [Fact]
    public void Impossible_values_are_all_listed() =>
        Optimizers.Adam(weightDecay: -1, beta1: 1, beta2: double.NaN, epsilon: 0).Problems.Should().HaveCount(4)
            .And.OnlyContain(problem => problem.StartsWith("Adam's ") && problem.Contains("Use "));
}

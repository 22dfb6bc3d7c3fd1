namespace Diffusion.Training.Tests.Optimization;

public sealed class LionTests
{
    // Chen et al. 2023, algorithm 2.
    [Fact]
    public void Ten_steps_follow_the_papers_algorithm() => ElementReference.Compare<double[]>(
        Optimizers.Lion(weightDecay: 0.3, beta1: 0.8, beta2: 0.95), 0.01, (value, gradient, _, rate, decays, memory) =>
        {
            double m = memory?[0] ?? 0;
            double c = (0.8 * m) + (0.2 * gradient);
            return (value - (rate * (Math.Sign(c) + (decays ? 0.3 * value : 0))), [(0.95 * m) + (0.05 * gradient)]);
        });

    [Fact]
    public void Impossible_values_are_all_listed() =>
        Optimizers.Lion(weightDecay: double.NaN, beta1: 1, beta2: -0.1).Problems.Should().HaveCount(3)
            .And.OnlyContain(problem => problem.StartsWith("Lion's ") && problem.Contains("Use "));
}

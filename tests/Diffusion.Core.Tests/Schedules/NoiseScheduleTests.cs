namespace Diffusion.Core.Tests.Schedules;

public sealed class NoiseScheduleTests
{
    [Theory]
    [InlineData(NoiseScheduleKind.Linear)]
    [InlineData(NoiseScheduleKind.ScaledLinear)]
    [InlineData(NoiseScheduleKind.Cosine)]
    [InlineData(NoiseScheduleKind.Sigmoid)]
    public void Every_schedule_loses_the_image_step_by_step_and_nearly_wholly(NoiseScheduleKind kind)
    {
        foreach (int timesteps in (int[])[250, 1000, 4000])
        {
            INoiseSchedule schedule = NoiseSchedule.Create(kind, timesteps);
            schedule.Timesteps.Should().Be(timesteps);
            double[] alphas = [.. Enumerable.Range(0, timesteps).Select(t => schedule[t].Alpha)];
            alphas.Should().BeInDescendingOrder();
            alphas[0].Should().BeGreaterThan(0.99);
            alphas[^1].Should().BePositive().And.BeLessThan(0.1);
            schedule[timesteps / 2].Should().Match<NoiseLevel>(l => Math.Abs((l.Alpha * l.Alpha) + (l.Sigma * l.Sigma) - 1) < 1e-12);
        }
    }

    [Fact]
    public void The_cosine_schedule_caps_beta_and_matches_the_paper_elsewhere()
    {
        BetaSchedule schedule = NoiseSchedule.Cosine(1000);
        schedule.Betas[^1].Should().Be(0.999);

        // Equation 17: alpha-bar(t) = f(t) / f(0).
        static double F(double t) => Math.Pow(Math.Cos(((t / 1000) + 0.008) / 1.008 * Math.PI / 2), 2);
        double alpha = schedule[499].Alpha;
        (alpha * alpha).Should().BeApproximately(F(500) / F(0), 1e-12);
    }
}

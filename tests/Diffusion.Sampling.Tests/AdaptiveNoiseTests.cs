using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests;

/// <summary>The noise of a sampler that finds its steps as it goes: several of them may begin between the same two timesteps.</summary>
public sealed class AdaptiveNoiseTests
{
    [Fact]
    public void No_two_adaptive_steps_draw_the_same_noise()
    {
        // Where the clean image is always 0, a step is x' = a x + b noise: after two steps with the same noise, three states of the images
        // lie in one plane.
        using BlankDenoiser denoiser = new(NoiseSchedule.ScaledLinear());
        // It begins above the last timestep, whose label all levels up there have.
        DpmSolverAdaptive sampler = new() { Eta = 1, FirstStep = 1e-4, MaxRatio = 30, Clipping = SampleClipping.None };
        SampleRequest request = SamplerCase.Request with { Count = 1, Shape = SamplerCase.Shape };
        using Tensor images = sampler.Sample(denoiser, request, null, TestContext.Current.CancellationToken);

        double[][] states = [.. denoiser.States.Where((_, call) => call % 3 == 0)]; // a step of order 3 calls three times
        states.Length.Should().BeGreaterThan(6);
        states.Take(3).Select(state => state[0]).Should().OnlyHaveUniqueItems();
        for (int i = 2; i < states.Length - 1; i++)
        {
            double[] first = Direction(states[i - 2], []);
            double[] second = Direction(states[i - 1], [first]);
            double[] third = Direction(states[i], [first, second]);
            double share = Dot(third, third) is 0 ? 0 : Math.Abs(Dot(Unit(states[i]), third));
            share.Should().BeGreaterThan(1e-5, "step {0} adds noise of its own", i);
        }
    }

    // The unit vector along what a state adds to earlier directions.
    private static double[] Direction(double[] state, double[][] earlier)
    {
        double[] left = Unit(state);
        foreach (double[] direction in earlier)
        {
            double along = Dot(left, direction);
            left = [.. left.Zip(direction, (value, part) => value - (along * part))];
        }

        return Unit(left);
    }

    private static double[] Unit(double[] values)
    {
        double norm = Math.Sqrt(Dot(values, values));
        return [.. values.Select(value => value / norm)];
    }

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    private sealed class BlankDenoiser(INoiseSchedule schedule) : IDenoiser, IDisposable
    {
        private readonly ScriptedModel network = new((noisy, _, _) => noisy);

        public List<double[]> States { get; } = [];

        public Denoiser Source => field ??= new Denoiser(network, schedule);

        public Estimate Denoise(Tensor noisy, NoiseLevel level, Conditioning? conditioning = null)
        {
            using Tensor wide = noisy.to(ScalarType.Float64);
            States.Add([.. wide.data<double>()]);
            using Scalar sigma = level.Sigma.ToScalar();
            return new Estimate(zeros_like(noisy), noisy.div(sigma));
        }

        public void Dispose() => network.Dispose();
    }
}

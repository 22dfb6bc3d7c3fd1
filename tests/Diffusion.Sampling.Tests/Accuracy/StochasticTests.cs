using Diffusion.Sampling.Tests.Traces;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests.Accuracy;

/// <summary>Mean and covariance of what stochastic samplers make from the optimal denoiser of two correlated normal channels.</summary>
public sealed class StochasticTests
{
    private const double Mean = 0.25;
    private const double Variance = 0.25;
    private const double Covariance = 0.15;

    // Samplers of first order need more steps for the same accuracy.
    private static readonly Dictionary<string, (int Steps, StepSampler Sampler)> Samplers = new()
    {
        ["ddpm"] = (300, new DdpmSampler()),
        ["ddim"] = (300, new DdimSampler { Eta = 1 }),
        ["euler ancestral"] = (300, new EulerAncestralSampler()),
        ["euler with churn"] = (300, new EulerSampler { Churn = new Churn { Amount = 20 } }),
        ["heun with churn"] = (60, new HeunSampler { Churn = new Churn { Amount = 10 } }),
        ["dpm2 ancestral"] = (100, new Dpm2Sampler { Eta = 1 }),
        ["2s ancestral"] = (100, new DpmSolver2S { Eta = 1 }),
        ["sde"] = (60, new DpmSolverSde()),
        ["2m sde"] = (60, new DpmSolver { Eta = 1 }),
        ["3m sde"] = (60, new DpmSolver { Order = 3, Eta = 1 }),
        ["singlestep sde"] = (600, new DpmSolverSinglestep { Eta = 1 }),
        ["sasolver"] = (60, new SaSolver()),
        ["sasolver noise form"] = (60, new SaSolver { Form = SolverForm.Noise }),
        ["consistency"] = (4, new ConsistencySampler()),
        ["predictor-corrector"] = (300, new PredictorCorrectorSampler { Snr = 0.05 }),
    };

    public static TheoryData<string> Names { get; } = [.. Samplers.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Samples_have_the_mean_and_the_covariance_of_the_data(string name)
    {
        (int steps, StepSampler sampler) = Samplers[name];
        EdmSchedule schedule = new(0.01, 40);
        IReadOnlyList<NoiseLevel> levels = new KarrasGrid().Levels(schedule, steps);
        long[] shape = [1, 2, 100, 100];
        using ScriptedModel network = new((noisy, _, _) => noisy);
        using DisposeScope scope = NewDisposeScope();
        Tensor start = new KeyedNoise(shape, 3).Draw(0, 0, default, default) * levels[0].Sigma;
        Oracle oracle = new(new Denoiser(network, schedule), isConsistency: sampler is ConsistencySampler);
        Tensor end = sampler.Walk(new SamplingWalk(oracle, Conditioning.None, levels, start, new KeyedNoise(shape), (_, _, _) => { },
            CancellationToken.None));

        Tensor channels = end.reshape(2, -1); // [2, 10000]
        Tensor centered = channels - channels.mean([1], keepdim: true);
        Tensor covariance = centered.matmul(centered.t()) / 10_000;
        double[] means = channels.mean([1]).data<double>().ToArray();
        double[] moments = covariance.flatten().data<double>().ToArray();
        means.Should().OnlyContain(mean => Math.Abs(mean - Mean) < 0.02);
        moments[0].Should().BeApproximately(Variance, 0.015);
        moments[3].Should().BeApproximately(Variance, 0.015);
        moments[1].Should().BeApproximately(Covariance, 0.015);
    }

    [Fact]
    public void The_two_draws_of_a_step_lie_on_one_path()
    {
        NoiseLevel from = new(1, 4, 4);
        NoiseLevel middle = new(1, 3, 3);
        NoiseLevel to = new(1, 1, 1);
        using DisposeScope scope = NewDisposeScope();
        (Tensor part, Tensor whole) = ((IStepNoise)new KeyedNoise([1, 1, 200, 200])).DrawPath(0, 0, from, middle, to);
        (part * whole).mean().item<double>().Should().BeApproximately(Math.Sqrt((16 - 9) / (16 - 1.0)), 0.02);
        whole.square().mean().item<double>().Should().BeApproximately(1, 0.02);
    }

    private sealed class Oracle(Denoiser source, bool isConsistency) : IDenoiser
    {
        public Denoiser Source => source;

        // In the sum and the difference of the channels the data are independent.
        public Estimate Denoise(Tensor noisy, NoiseLevel level, Conditioning? conditioning = null)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor away = noisy - (level.Alpha * Mean);
            Tensor swapped = away.flip(1);
            // A consistency model estimates the end of the flow, any other the mean of what the image may be.
            Tensor clean = Mean + (Share(Variance + Covariance) / 2 * (away + swapped))
                + (Share(Variance - Covariance) / 2 * (away - swapped));
            return new Estimate(clean.MoveToOuterDisposeScope(),
                ((noisy - (level.Alpha * clean)) / level.Sigma).MoveToOuterDisposeScope());

            double Share(double variance)
            {
                double share = variance / ((level.Alpha * level.Alpha * variance) + (level.Sigma * level.Sigma));
                return isConsistency ? Math.Sqrt(share) : level.Alpha * share;
            }
        }
    }
}

using Diffusion.Sampling.Tests.Traces;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests.Accuracy;

/// <summary>
/// The order of every deterministic solver, measured between two fixed levels above zero, evenly in log-SNR, from exact earlier estimates.
/// The short form compares two numbers of steps, a factor of 4 apart; DIFFUSION_FULL_SWEEP=1 takes each doubling from 40 to 640.
/// </summary>
public sealed class OrderTests
{
    private const double First = -2.2;
    private const double Last = 2.8;
    private const int Before = 4;

    private static readonly double[] Start = [-12, -7.5, -4, -1, -0.25, 0.5, 2, 3.5, 6, 8, 11, 14];

    private static readonly Dictionary<string, (double Order, StepSampler Sampler)> Solvers = new()
    {
        ["Ddim"] = (1, new DdimSampler()),
        ["Euler"] = (1, new EulerSampler()),
        ["EulerAncestral, no noise"] = (1, new EulerAncestralSampler { Eta = 0 }),
        ["Heun"] = (2, new HeunSampler()),
        ["Heun, own path"] = (2, new HeunSampler { Path = HeunPath.Own }),
        ["Dpm2"] = (2, new Dpm2Sampler()),
        ["2S"] = (2, new DpmSolver2S()),
        ["Sde, no noise"] = (2, new DpmSolverSde { Eta = 0 }),
        ["1M"] = (1, new DpmSolver { Order = 1, OrderAtEnd = OrderAtEnd.Full }),
        ["2M"] = (2, new DpmSolver { OrderAtEnd = OrderAtEnd.Full }),
        ["2M heun"] = (2, new DpmSolver { Slope = SolverSlope.Exact, OrderAtEnd = OrderAtEnd.Full }),
        ["2M noise form"] = (2, new DpmSolver { Form = SolverForm.Noise, OrderAtEnd = OrderAtEnd.Full }),
        ["3M as published"] = (1.9, new DpmSolver { Order = 3, OrderAtEnd = OrderAtEnd.Full }),
        ["3M exact"] = (3, new DpmSolver { Order = 3, ExactWeights = true, OrderAtEnd = OrderAtEnd.Full }),
        ["Deis 2"] = (2, new DeisSampler { OrderAtEnd = OrderAtEnd.Full }),
        ["Deis 3"] = (3, new DeisSampler { Order = 3, OrderAtEnd = OrderAtEnd.Full }),
        ["Lms 2"] = (2, new LmsSampler { Order = 2 }),
        ["Lms 3"] = (3, new LmsSampler { Order = 3 }),
        ["Lms 4"] = (4, new LmsSampler()),
        ["Pndm"] = (2, new PndmSampler { Warmup = PndmWarmup.None }),
        ["UniPc 2"] = (3, new UniPcSampler { OrderAtEnd = OrderAtEnd.Full }),
        ["UniPc 3"] = (4, new UniPcSampler { Order = 3, OrderAtEnd = OrderAtEnd.Full }),
        ["SaSolver 2/2"] = (2, new SaSolver { Tau = _ => 0, OrderAtEnd = OrderAtEnd.Full }),
        ["SaSolver 3/4"] = (4, new SaSolver { Predictor = 3, Corrector = 4, Tau = _ => 0, OrderAtEnd = OrderAtEnd.Full }),
        ["Singlestep 2"] = (2, new DpmSolverSinglestep { OrderAtEnd = OrderAtEnd.Full }),
        ["Singlestep 3"] = (3, new DpmSolverSinglestep { Order = 3, OrderAtEnd = OrderAtEnd.Full }),
        ["Singlestep 3 heun"] = (3, new DpmSolverSinglestep { Order = 3, Slope = SolverSlope.Exact, OrderAtEnd = OrderAtEnd.Full }),
        ["Singlestep off the grid"] = (3, new DpmSolverSinglestep { Order = 3, Form = SolverForm.Noise, Inner = InnerLevels.OffGrid }),
    };

    private static readonly double[] End = ExactFlow.Move(Start, First, Last);

    public static TheoryData<string, string> Cases { get; } =
        new MatrixTheoryData<string, string>(Solvers.Keys, ["variance-preserving", "edm", "flow"]);

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_solver_has_its_order(string name, string scaling)
    {
        INoiseSchedule schedule = scaling switch
        {
            "edm" => new EdmSchedule(),
            "flow" => new FlowSchedule(),
            _ => NoiseSchedule.ScaledLinear(),
        };
        (double order, StepSampler sampler) = Solvers[name];
        int[] counts = FullSweep.IsWanted ? [40, 80, 160, 320, 640] : scaling == "edm" ? [160, 640] : [80, 320];
        double[] errors = [.. counts.Select(count => Error(sampler, schedule, count))];
        double measured = Math.Log(errors[^2] / errors[^1]) / Math.Log((double)counts[^1] / counts[^2]);
        measured.Should().BeApproximately(order, 0.15, "the errors are {0}", string.Join(", ", errors));
    }

    private static double Error(StepSampler sampler, INoiseSchedule schedule, int count)
    {
        // Whole blocks only: a step of lower order at the end would set the order.
        int steps = sampler is DpmSolverSinglestep { Order: 3 } ? (count / 3) * 3 : count;
        if (sampler is DpmSolverSinglestep { Inner: InnerLevels.OffGrid })
        {
            sampler = sampler with { Steps = steps + 2 };
            steps = (steps / 3) + 1;
        }

        double width = (Last - First) / steps;
        NoiseLevel[] levels = [.. Enumerable.Range(-Before, steps + Before + 1).Select(i => schedule.WithHalfLogSnr(First + (i * width)))];
        using MixtureDenoiser denoiser = new(schedule);
        using DisposeScope scope = NewDisposeScope();
        List<PastEstimate> past = [];
        for (int i = Before - 1; i >= 0; i--)
        {
            Tensor sample = Images(ExactFlow.Move(Start, First, levels[i].HalfLogSnr), levels[i]);
            Estimate estimate = denoiser.Denoise(sample, levels[i]);
            past.Add(new PastEstimate(levels[i], estimate.Clean, estimate.Noise, sample));
        }

        // A singlestep solver starts its own blocks.
        int first = sampler is DpmSolverSinglestep ? 0 : Before;
        NoiseLevel[] visited = levels[(Before - first)..];
        past = first == 0 ? [] : past;
        Tensor x = Images(Start, levels[Before]);
        SamplingWalk walk = new(denoiser, Conditioning.None, visited, x, new KeyedNoise(x.shape), (_, _, _) => { }, CancellationToken.None);
        for (int i = first; i + 1 < visited.Length; i++)
        {
            x = sampler.Advance(new SamplingStep(walk, i, past), x, past);
        }

        Tensor expected = Images(End, levels[^1]);
        return (x - expected).square().mean().sqrt().item<double>();
    }

    private static Tensor Images(double[] pixels, NoiseLevel level) =>
        tensor([.. pixels.Select(pixel => pixel * level.Alpha)], ScalarType.Float64).reshape(1, 1, 3, 4);
}

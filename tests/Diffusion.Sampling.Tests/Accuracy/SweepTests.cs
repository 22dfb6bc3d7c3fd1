using Diffusion.Sampling.Tests.Traces;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests.Accuracy;

/// <summary>
/// Every number of steps with every grid, sampler and schedule: the images are finite, no level comes twice, and the network is called as
/// often as the sampler promises. The short form takes a few numbers of steps; DIFFUSION_FULL_SWEEP=1 all from 1 to 200.
/// </summary>
public sealed class SweepTests
{
    private static readonly Dictionary<string, INoiseSchedule> Schedules = new()
    {
        ["scaled-linear"] = NoiseSchedule.ScaledLinear(),
        ["zero terminal SNR"] = ZeroSnr(),
        ["edm"] = new EdmSchedule(),
        ["flow"] = new FlowSchedule(),
    };

    private static readonly Dictionary<string, ISamplingGrid> Grids = new()
    {
        ["trailing"] = new TimestepGrid(),
        ["leading"] = new TimestepGrid(TimestepSpacing.Leading),
        ["leading, to timestep 0"] = new TimestepGrid(TimestepSpacing.Leading) { EndsClean = false },
        ["linspace without 0"] = new TimestepGrid(TimestepSpacing.Linspace) { ExcludesZero = true },
        ["exact linspace"] = new TimestepGrid(TimestepSpacing.Linspace) { IsRounded = false },
        ["karras"] = new KarrasGrid(),
        ["exponential"] = new ExponentialGrid { EndsClean = false },
        ["polyexponential"] = new ExponentialGrid(1.3),
        ["beta"] = new BetaGrid { Variable = CurveVariable.Fraction },
        ["time"] = new TimeGrid(),
        ["shifted"] = new ShiftedGrid(new TimeGrid(), 3),
        ["half of the steps"] = new StrengthGrid(new KarrasGrid(), 0.5),
        ["variance"] = new VarianceGrid(),
        ["distilled"] = new DistilledGrid(),
    };

    internal static readonly Dictionary<string, StepSampler> Samplers = new()
    {
        ["ddpm"] = new DdpmSampler(),
        ["ddim"] = new DdimSampler { Eta = 0.5 },
        ["euler"] = new EulerSampler { Churn = new Churn { Amount = 5 } },
        ["euler ancestral"] = new EulerAncestralSampler(),
        ["heun"] = new HeunSampler(),
        ["heun, own path"] = new HeunSampler { Path = HeunPath.Own },
        ["dpm2"] = new Dpm2Sampler { Eta = 1 },
        ["2s"] = new DpmSolver2S { Eta = 1 },
        ["sde"] = new DpmSolverSde(),
        ["2m"] = new DpmSolver(),
        ["3m sde"] = new DpmSolver { Order = 3, Eta = 1 },
        ["3m noise form, full order"] = new DpmSolver
        {
            Order = 3, Form = SolverForm.Noise, ExactWeights = true, OrderAtEnd = OrderAtEnd.Full,
        },
        ["deis"] = new DeisSampler { Order = 3 },
        ["lms"] = new LmsSampler(),
        ["unipc"] = new UniPcSampler { Order = 3 },
        ["unipc bh1, full order"] = new UniPcSampler { Slope = SolverSlope.HalfStep, OrderAtEnd = OrderAtEnd.Full },
        ["unipc noise form"] = new UniPcSampler { Form = SolverForm.Noise },
        ["sasolver"] = new SaSolver { Predictor = 3, Corrector = 4 },
        ["sasolver noise form"] = new SaSolver { Form = SolverForm.Noise, Tau = _ => 0.5 },
        ["singlestep 3"] = new DpmSolverSinglestep { Order = 3, Slope = SolverSlope.Exact },
        ["singlestep off the grid"] = new DpmSolverSinglestep { Order = 3, Form = SolverForm.Noise, Inner = InnerLevels.OffGrid },
        ["plms"] = new PndmSampler { Warmup = PndmWarmup.ImprovedEuler },
        ["ipndm"] = new PndmSampler { Warmup = PndmWarmup.None },
        ["pndm"] = new PndmSampler(),
        ["consistency"] = new ConsistencySampler(),
        ["tcd"] = new TcdSampler(),
        ["predictor-corrector"] = new PredictorCorrectorSampler(),
    };

    private static IEnumerable<int> Counts => FullSweep.IsWanted ? Enumerable.Range(1, 200) : [1, 2, 3, 5, 16];

    public static TheoryData<string, string> Cases { get; } = new MatrixTheoryData<string, string>(Samplers.Keys, Schedules.Keys);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_grid_and_number_of_steps_gives_finite_images_from_the_promised_calls(string sampler, string schedule)
    {
        foreach ((string grid, ISamplingGrid rule) in Grids)
        {
            foreach (int steps in Counts)
            {
                Run(Samplers[sampler], Schedules[schedule], rule, steps, $"{sampler} with {grid}, {schedule} and {steps} steps");
            }
        }
    }

    private static void Run(StepSampler sampler, INoiseSchedule schedule, ISamplingGrid grid, int steps, string what)
    {
        bool isOffGrid = sampler is DpmSolverSinglestep { Inner: InnerLevels.OffGrid };
        int points = isOffGrid ? (steps / 3) + 1 : steps;
        if (grid.Problems(schedule, points).Any())
        {
            return;
        }

        IReadOnlyList<NoiseLevel> levels = grid.Levels(schedule, points);
        levels.Zip(levels.Skip(1)).All(pair => pair.First.Ratio > pair.Second.Ratio).Should().BeTrue("no level comes twice: {0}", what);

        // Levels of a curve have no timestep of their own between which Runge-Kutta could halve.
        if (sampler is PndmSampler { Warmup: PndmWarmup.RungeKutta } && levels.SkipLast(1).Any(level => !double.IsInteger(level.Time)))
        {
            return;
        }

        using MixtureDenoiser denoiser = new(schedule);
        using DisposeScope scope = NewDisposeScope();
        Tensor x = new KeyedNoise([1, 1, 1, 3], 5).Draw(0, 0, default, default) * levels[0].Sigma;
        Tensor end = (sampler with { Steps = steps }).Walk(new SamplingWalk(denoiser, Conditioning.None, levels, x,
            new KeyedNoise([1, 1, 1, 3]), (_, _, _) => { }, CancellationToken.None));
        end.isfinite().all().item<bool>().Should().BeTrue(what);
        denoiser.Calls.Should().Be(Promised(sampler, levels, steps), what);
    }

    private static int Promised(StepSampler sampler, IReadOnlyList<NoiseLevel> levels, int steps)
    {
        int count = levels.Count - 1;
        bool startsInNoise = levels[0].Alpha == 0;
        bool endsClean = levels[^1].Sigma == 0;
        int short0 = startsInNoise ? 1 : 0;
        int short1 = endsClean ? 1 : 0;
        int oneCall = count == 1 ? Math.Max(short0, short1) : short0 + short1;
        return sampler switch
        {
            HeunSampler { Path: HeunPath.Own } => (2 * count) - short1,
            HeunSampler or Dpm2Sampler or DpmSolver2S or DpmSolverSde => (2 * count) - oneCall,
            PredictorCorrectorSampler => 2 * count,
            PndmSampler { Warmup: PndmWarmup.ImprovedEuler } => count + (startsInNoise || (endsClean && count == 1) ? 0 : 1),
            PndmSampler { Warmup: PndmWarmup.RungeKutta } => count
                + (3 * (Math.Min(3, count - short1) - (count - short1 > 0 ? short0 : 0))),
            DpmSolverSinglestep { Inner: InnerLevels.OffGrid } => OffGrid(steps, count, startsInNoise, endsClean),
            _ => count,
        };
    }

    // Blocks of three calls, then 2 and 1 or what is left; one call from pure noise and to the clean image.
    private static int OffGrid(int calls, int blocks, bool startsInNoise, bool endsClean)
    {
        int[] orders = calls % 3 == 0
            ? [.. Enumerable.Repeat(3, Math.Max(blocks - 2, 0)), 2, 1]
            : [.. Enumerable.Repeat(3, blocks - 1), calls % 3];
        orders = orders[^blocks..];
        orders[0] = startsInNoise ? 1 : orders[0];
        orders[^1] = endsClean ? 1 : orders[^1];
        return orders.Sum();
    }

    private static DiscreteSchedule ZeroSnr()
    {
        DiscreteSchedule schedule = NoiseSchedule.ScaledLinear();
        double[] roots = [.. Enumerable.Range(0, 1000).Select(t => schedule[t].Alpha)];
        double scale = roots[0] / (roots[0] - roots[^1]);
        return new DiscreteSchedule(
            [
                .. roots.Select(root => (root - roots[^1]) * scale)
                    .Select((alpha, t) => new NoiseLevel(alpha, Math.Sqrt(1 - (alpha * alpha)), t)),
            ],
            "zero terminal SNR");
    }
}

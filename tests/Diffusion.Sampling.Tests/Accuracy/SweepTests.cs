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
    private const double NearlyNoise = 0.001;
    private const int MaxSteps = 200;

    private static readonly Dictionary<string, INoiseSchedule> Schedules = new()
    {
        ["linear"] = NoiseSchedule.Linear(),
        ["scaled-linear"] = NoiseSchedule.ScaledLinear(),
        ["cosine"] = NoiseSchedule.Cosine(),
        ["sigmoid"] = NoiseSchedule.Sigmoid(),
        ["laplace"] = NoiseSchedule.Laplace(),
        ["exponential"] = NoiseSchedule.Exponential(),
        ["50 given betas"] = new DiscreteSchedule([.. Enumerable.Repeat(0.15, 50)], "50 given betas"),
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
        ["leading, shifted"] = new ShiftedGrid(new TimestepGrid(TimestepSpacing.Leading), 3),
        ["half of the steps"] = new StrengthGrid(new KarrasGrid(), 0.5),
        ["variance"] = new VarianceGrid(),
        ["distilled"] = new DistilledGrid(),
        ["karras over leading"] = new CurveOverGrid(new KarrasGrid(), new TimestepGrid(TimestepSpacing.Leading)),
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

    private static IEnumerable<int> Counts => FullSweep.IsWanted ? Enumerable.Range(1, MaxSteps) : [1, 2, 3, 5, 16];

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

    [Theory]
    [InlineData("ddim")]
    [InlineData("heun")]
    [InlineData("2m")]
    [InlineData("lms")]
    [InlineData("deis")]
    [InlineData("unipc")]
    public void Every_schedule_and_number_of_steps_inverts_to_finite_noise(string sampler)
    {
        foreach ((string name, INoiseSchedule schedule) in Schedules)
        {
            foreach (int steps in Counts)
            {
                ReversedGrid grid = new(schedule is DiscreteSchedule ? new TimestepGrid { EndsClean = false }
                    : new TimeGrid { EndTime = 0.01, IncludesEndTime = true });
                Run(Samplers[sampler], schedule, grid, steps, $"{sampler} up {name} in {steps} steps");
            }
        }
    }

    // docs/sampling.md lists these numbers.
    [Fact]
    public void What_is_refused_is_refused_for_these_reasons_and_the_rest_has_each_level_once_within_the_schedule()
    {
        Dictionary<string, int> refused = new(StringComparer.Ordinal)
        {
            ["has none. Use a KarrasGrid or a TimeGrid"] = 3200,
            ["no network is trained beyond it"] = 3770,
            ["must lie in 1.."] = 2251,
            ["must go from a finite number"] = 1601,
        };
        Dictionary<string, int> seen = new(StringComparer.Ordinal);
        int taken = 0;
        foreach ((string name, INoiseSchedule schedule) in Schedules)
        {
            foreach ((string of, ISamplingGrid grid) in Grids)
            {
                foreach (int steps in Enumerable.Range(1, MaxSteps))
                {
                    string[] problems = [.. grid.Problems(schedule, steps)];
                    if (problems.Length == 0)
                    {
                        _ = Levels(grid, schedule, steps, $"{of}, {name} and {steps} steps");
                        taken++;
                        continue;
                    }

                    string reason = refused.Keys.Single(problems.Single().Contains);
                    seen[reason] = seen.GetValueOrDefault(reason) + 1;
                }
            }
        }

        seen.Should().BeEquivalentTo(refused);
        taken.Should().Be(21_178);
    }

    private static IReadOnlyList<NoiseLevel> Levels(ISamplingGrid grid, INoiseSchedule schedule, int steps, string what)
    {
        IReadOnlyList<NoiseLevel> levels = grid.Levels(schedule, steps);
        double direction = grid is ReversedGrid ? -1 : 1;
        levels.Zip(levels.Skip(1)).All(pair => (pair.First.Ratio - pair.Second.Ratio) * direction > 0).Should()
            .BeTrue("no level comes twice: {0}", what);
        double min = schedule.At(schedule.FirstTime).Ratio * (1 - 1e-9);
        double max = schedule.At(schedule.LastTime).Ratio * (1 + 1e-9);
        levels.Where(level => level.Sigma > 0).All(level => level.Ratio >= min && level.Ratio <= max).Should()
            .BeTrue("no level leaves the schedule: {0}", what);
        return levels;
    }

    private static void Run(StepSampler sampler, INoiseSchedule schedule, ISamplingGrid grid, int steps, string what)
    {
        bool isOffGrid = sampler is DpmSolverSinglestep { Inner: InnerLevels.OffGrid };
        int points = isOffGrid ? (steps / 3) + 1 : steps;
        if (grid.Problems(schedule, points).Any())
        {
            return;
        }

        IReadOnlyList<NoiseLevel> levels = Levels(grid, schedule, points, what);

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
        return sampler switch
        {
            HeunSampler { Path: HeunPath.Own } => count + Steps(levels, int.MaxValue, signal: -1),
            HeunSampler or Dpm2Sampler => count + Steps(levels, int.MaxValue, NearlyNoise),
            DpmSolver2S or DpmSolverSde => count + Steps(levels, int.MaxValue, signal: 0),
            PredictorCorrectorSampler => 2 * count,
            PndmSampler { Warmup: PndmWarmup.ImprovedEuler } => count + Steps(levels, 1, NearlyNoise),
            PndmSampler { Warmup: PndmWarmup.RungeKutta } => count + (3 * Steps(levels, 3, NearlyNoise)),
            DpmSolverSinglestep { Inner: InnerLevels.OffGrid } => OffGrid(steps, count, startsInNoise, endsClean),
            _ => count,
        };
    }

    // How many of the first steps start from more signal than noise times a number, and do not end clean: those call again.
    private static int Steps(IReadOnlyList<NoiseLevel> levels, int first, double signal) => levels.Zip(levels.Skip(1)).Take(first)
        .Count(step => step.First.Alpha > signal * step.First.Sigma && step.Second is { Sigma: > 0, Alpha: > 0 });

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

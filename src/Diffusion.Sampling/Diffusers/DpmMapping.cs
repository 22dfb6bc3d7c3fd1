namespace Diffusion.Sampling;

/// <summary>Schedulers over the half log-SNR: DPM-Solver, DEIS, UniPC, SA-Solver.</summary>
internal static class DpmMapping
{
    // Below this number of steps diffusers lowers the order at the end.
    private const int FewSteps = 15;

    private const int UsualSteps = 50;

    public static StepSampler Multistep(DiffusersSettings settings) =>
        Solver(settings, Grid(settings)) with { Clipping = DiffusersGrids.Clipping(settings) };

    public static StepSampler MultistepInverse(DiffusersSettings settings)
    {
        settings.Refuse(IsSde(settings), "algorithm_type", "a path with noise cannot be inverted. Use dpmsolver++.");
        return Solver(settings, new ReversedGrid(Grid(settings, endsClean: false))) with
        {
            Clipping = DiffusersGrids.Clipping(settings),
        };
    }

    public static StepSampler Singlestep(DiffusersSettings settings)
    {
        RefuseMinLambda(settings);
        return new DpmSolverSinglestep
        {
            Grid = Grid(settings), Clipping = DiffusersGrids.Clipping(settings), Order = settings.Integer("solver_order"),
            Form = FormOf(settings), Slope = SlopeOf(settings), Eta = IsSde(settings) ? 1 : 0, OrderAtEnd = LoweredOrFull(settings),
        };
    }

    // diffusers ends at the sigma of timestep 0: it has no setting for it.
    public static StepSampler Deis(DiffusersSettings settings) => new DeisSampler
    {
        Grid = Grid(settings), Clipping = DiffusersGrids.Clipping(settings), Order = settings.Integer("solver_order"),
        OrderAtEnd = LoweredOrFull(settings),
    };

    public static StepSampler UniPc(DiffusersSettings settings)
    {
        settings.Refuse(settings.Text("solver_p") is not null, "solver_p", "the predictor is UniPC's own. Remove it.");
        return new UniPcSampler
        {
            Grid = Grid(settings), Clipping = DiffusersGrids.Clipping(settings), Order = settings.Integer("solver_order"),
            Form = settings.Flag("predict_x0") ? SolverForm.Data : SolverForm.Noise,
            Slope = settings.Text("solver_type") == "bh1" ? SolverSlope.HalfStep : SolverSlope.HalfPhi,
            OrderAtEnd = LoweredOrFull(settings), UncorrectedSteps = settings.Integers("disable_corrector"), FirstOrderFromNoise = false,
        };
    }

    // diffusers' default tau adds noise between the timesteps 200 and 800, and ends at the sigma of timestep 0.
    public static StepSampler SaSolver(DiffusersSettings settings)
    {
        RefuseMinLambda(settings);
        settings.Refuse(settings.Text("tau_func") is not null, "tau_func",
            "a file cannot hold a function. Remove it, and set SaSolver.Tau.");
        return new SaSolver
        {
            Grid = Grid(settings), Clipping = DiffusersGrids.Clipping(settings), Predictor = settings.Integer("predictor_order"),
            Corrector = settings.Integer("corrector_order"),
            Form = settings.Text("algorithm_type") == "data_prediction" ? SolverForm.Data : SolverForm.Noise,
            Tau = DefaultTau, OrderAtEnd = LoweredOrFull(settings),
        };
    }

    /// <summary>The multistep solver on a grid.</summary>
    public static DpmSolver Solver(DiffusersSettings settings, ISamplingGrid grid)
    {
        RefuseMinLambda(settings);
        return Solver(settings, grid, FormOf(settings), IsSde(settings) ? 1 : 0);
    }

    /// <summary>The multistep solver on a grid, of a class without a choice of the form.</summary>
    public static DpmSolver Solver(DiffusersSettings settings, ISamplingGrid grid, SolverForm form, double eta)
    {
        int steps = settings.Steps ?? StepSampler.AtMost(UsualSteps, settings.Schedule, grid);
        bool isLowered = settings.Flag("lower_order_final") && steps < FewSteps;
        return new DpmSolver
        {
            Grid = grid, Order = settings.Integer("solver_order"), Form = form, Slope = SlopeOf(settings), Eta = eta,
            OrderAtEnd = isLowered ? OrderAtEnd.Auto
                : settings.Flag("euler_at_final") ? OrderAtEnd.LastStepFirst
                : OrderAtEnd.Full,
        };
    }

    private static double DefaultTau(NoiseLevel level) => level.Label is >= 200 and <= 800 ? 1 : 0;

    private static void RefuseMinLambda(DiffusersSettings settings) => settings.Refuse(
        settings.Number("lambda_min_clipped") is > double.NegativeInfinity, "lambda_min_clipped",
        "no grid here leaves out the noisiest timesteps. Use -Infinity, or a ListedGrid.");

    private static OrderAtEnd LoweredOrFull(DiffusersSettings settings) =>
        settings.Flag("lower_order_final") ? OrderAtEnd.Auto : OrderAtEnd.Full;

    private static bool IsSde(DiffusersSettings settings) =>
        settings.Text("algorithm_type")!.StartsWith("sde", StringComparison.Ordinal);

    private static SolverForm FormOf(DiffusersSettings settings) =>
        settings.Text("algorithm_type")!.EndsWith("++", StringComparison.Ordinal) ? SolverForm.Data : SolverForm.Noise;

    private static SolverSlope SlopeOf(DiffusersSettings settings) =>
        settings.Text("solver_type") == "heun" ? SolverSlope.Exact : SolverSlope.HalfPhi;

    private static ISamplingGrid Grid(DiffusersSettings settings) => Grid(settings, DiffusersGrids.EndsClean(settings));

    private static ISamplingGrid Grid(DiffusersSettings settings, bool endsClean)
    {
        CurveGrid? curve = DiffusersGrids.Curve(settings);
        if (settings.Schedule is FlowSchedule)
        {
            return FlowGrid(settings, curve);
        }

        if (curve is not null)
        {
            return curve with { EndsClean = endsClean };
        }

        TimestepGrid timesteps = DiffusersGrids.Timesteps(settings) with { EndsClean = endsClean };
        return timesteps with { ExcludesZero = timesteps.Spacing != TimestepSpacing.Trailing };
    }

    // UniPC leaves out the end of an even spacing from pure noise, the others its beginning.
    private static ISamplingGrid FlowGrid(DiffusersSettings settings, CurveGrid? curve)
    {
        const double first = 1e-3;
        foreach (string key in (string[])["use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas"])
        {
            settings.Refuse(curve is not null && settings.Flag(key), key, "diffusers reads its sigmas as those of another schedule than "
                + "rectified flow. Use the sampler with a KarrasGrid whose Variable is Fraction.");
        }

        settings.Refuse(!DiffusersGrids.EndsClean(settings), "final_sigmas_type",
            "diffusers ends at the sigma of a schedule that rectified flow does not have. Use zero.");
        TimeGrid times = settings.Text("solver_type") is "bh1" or "bh2"
            ? new TimeGrid { EndTime = first }
            : new TimeGrid { StartTime = 1 - first };
        return DiffusersGrids.Shifted(times, DiffusersGrids.DynamicShift(settings), settings.Number("shift_terminal"));
    }
}

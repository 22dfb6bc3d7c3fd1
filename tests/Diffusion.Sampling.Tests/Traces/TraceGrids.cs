using System.Text.Json;

namespace Diffusion.Sampling.Tests.Traces;

/// <summary>The grid that the settings of a recorded case mean here.</summary>
public static class TraceGrids
{
    private static readonly string[] OfDpmFamily =
        ["DPMSolverMultistep", "DPMSolverSinglestep", "UniPCMultistep", "DEISMultistep", "SASolver"];

    private static readonly string[] OverSigma =
    [
        "EulerDiscrete", "HeunDiscrete", "LMSDiscrete", "KDPM2Discrete", "EulerAncestralDiscrete", "KDPM2AncestralDiscrete", "DPMSolverSDE",
    ];

    /// <summary>Whether the library spaces n + 1 timesteps and leaves out 0.</summary>
    public static bool IsOfDpmFamily(IRecordedSettings trace) => OfDpmFamily.Contains(trace.Class);

    /// <summary>Whether the library's images are divided by alpha, as those of k-diffusion.</summary>
    public static bool IsOverSigma(IRecordedSettings trace) => OverSigma.Contains(trace.Class);

    /// <summary>The curve that the settings name, without "use_" and "_sigmas".</summary>
    public static string? Curve(IRecordedSettings trace) =>
        trace.Flag("use_karras_sigmas") ? "karras"
        : trace.Flag("use_exponential_sigmas") || trace.Flag("use_lu_lambdas") ? "exponential"
        : trace.Flag("use_beta_sigmas") ? "beta"
        : null;

    /// <summary>The grid; null for rules that this library does not have.</summary>
    public static ISamplingGrid? Of(SamplerTrace trace, INoiseSchedule schedule, int steps)
    {
        string name = trace.Class;
        if (trace.Text("library") == "k_diffusion")
        {
            return trace.Family is "k_dpm_fast" or "k_dpm_adaptive" ? null : OfKDiffusion(trace);
        }

        if (trace.GridArgument("timesteps") is { ValueKind: JsonValueKind.Array } times)
        {
            return name.StartsWith("CM", StringComparison.Ordinal) ? null
                : ListedGrid.OfTimes([.. times.EnumerateArray().Select(t => t.GetDouble())]);
        }

        if (trace.GridArgument("sigmas") is { ValueKind: JsonValueKind.Array } sigmas)
        {
            return ListedGrid.OfRatios([.. sigmas.EnumerateArray().Select(sigma => sigma.GetDouble())]);
        }

        bool isSpecial = trace.Config("trained_betas") is { ValueKind: JsonValueKind.Array } || trace.Number("lambda_min_clipped") > -1e9
            || trace.Word("interpolation_type") == "log_linear" || trace.Word("timestep_type") == "continuous";
        return name switch
        {
            _ when isSpecial => null,
            "EDMEuler" or "EDMDPMSolverMultistep" or "CosineDPMSolverMultistep" => Edm(trace),
            "LCM" or "TCD" => new DistilledGrid((int)trace.Number("original_inference_steps", 50))
            {
                Strength = trace.GridArgument("strength")?.GetDouble() ?? 1, EndsClean = name == "LCM",
            },
            _ when name.StartsWith("FlowMatch", StringComparison.Ordinal) => FlowMatch(trace),
            _ when IsOfDpmFamily(trace) && trace.Flag("use_flow_sigmas") => DpmFlow(trace),
            "DDIM" or "DDPM" or "PNDM" => new TimestepGrid(Spacing(trace, "leading")) { StepsOffset = Offset(trace, "leading") },
            _ when IsOfDpmFamily(trace) || OverSigma.Contains(name) => Discrete(trace, schedule, steps),
            _ => null,
        };
    }

    /// <summary>The schedule that the settings name; null for one that is too short for this library.</summary>
    public static INoiseSchedule? Schedule(SamplerTrace trace)
    {
        string name = trace.Class;
        if (trace.Text("library") == "k_diffusion" || name is "EDMEuler" or "EDMDPMSolverMultistep" or "CosineDPMSolverMultistep")
        {
            return new EdmSchedule(1e-4, 1e4);
        }

        if (name.StartsWith("FlowMatch", StringComparison.Ordinal) || trace.Flag("use_flow_sigmas"))
        {
            return new FlowSchedule();
        }

        int timesteps = trace.Timesteps;
        if (timesteps < NoiseSchedule.MinTimesteps)
        {
            return null;
        }

        double start = trace.Number("beta_start", 1e-4);
        double end = trace.Number("beta_end", 0.02);
        DiscreteSchedule schedule = (trace.Word("beta_schedule") ?? "linear") switch
        {
            "linear" => NoiseSchedule.Linear(timesteps, start, end),
            "scaled_linear" => NoiseSchedule.ScaledLinear(timesteps, start, end),
            "sigmoid" => NoiseSchedule.Sigmoid(timesteps, start, end),
            "squaredcos_cap_v2" => NoiseSchedule.Cosine(timesteps),
            var other => OfAlphaBar(timesteps, other == "exp" ? t => Math.Exp(-12 * t) : RootOfLaplace),
        };
        return trace.Flag("rescale_betas_zero_snr") ? WithZeroSnr(schedule) : schedule;
    }

    // As recorded: the root of the published alpha-bar.
    private static double RootOfLaplace(double t)
    {
        double logSnr = -0.5 * Math.CopySign(1, 0.5 - t) * Math.Log(1 - (2 * Math.Abs(0.5 - t)) + 1e-6);
        double snr = Math.Exp(logSnr);
        return Math.Sqrt(snr / (1 + snr));
    }

    private static DiscreteSchedule OfAlphaBar(int timesteps, Func<double, double> alphaBar) => new(
        [.. Enumerable.Range(0, timesteps)
            .Select(t => Math.Min(1 - (alphaBar((t + 1.0) / timesteps) / alphaBar((double)t / timesteps)), 0.999))], "recorded");

    // diffusers shifts the roots so that the last is 0, and then reads it as 2^-12.
    private static DiscreteSchedule WithZeroSnr(DiscreteSchedule schedule)
    {
        double[] roots = [.. Enumerable.Range(0, schedule.Timesteps).Select(t => schedule[t].Alpha)];
        double scale = roots[0] / (roots[0] - roots[^1]);
        double[] bars = [.. roots.Select(root => Math.Pow((root - roots[^1]) * scale, 2))];
        bars[^1] = Math.Pow(2, -24);
        return new DiscreteSchedule([.. bars.Select((bar, t) => TraceLevels.FromBar(bar, t))], "recorded");
    }

    private static TimestepSpacing Spacing(SamplerTrace trace, string otherwise) => (trace.Word("timestep_spacing") ?? otherwise) switch
    {
        "leading" => TimestepSpacing.Leading,
        "trailing" => TimestepSpacing.Trailing,
        _ => TimestepSpacing.Linspace,
    };

    private static int Offset(SamplerTrace trace, string otherwise) =>
        Spacing(trace, otherwise) == TimestepSpacing.Leading ? (int)trace.Number("steps_offset", 0) : 0;

    private static ISamplingGrid Discrete(SamplerTrace trace, INoiseSchedule schedule, int steps)
    {
        bool isDpm = IsOfDpmFamily(trace);
        bool isNamed = !trace.IsTable && TraceFolder.HasFault(trace.Name, 9);
        bool endsClean = isNamed || (trace.Class is not ("DEISMultistep" or "SASolver") && trace.Word("final_sigmas_type") != "sigma_min");
        TimestepSpacing spacing = Spacing(trace, "linspace");
        TimestepGrid timesteps = new(spacing)
        {
            StepsOffset = Offset(trace, "linspace"), IsRounded = isDpm, EndsClean = endsClean,
            ExcludesZero = isDpm && spacing != TimestepSpacing.Trailing,
        };
        if (Curve(trace) is not { } curve)
        {
            return timesteps;
        }

        // The DPM family goes over the whole table, the others from the first to the last timestep of the spacing, and then to timestep 0.
        IReadOnlyList<NoiseLevel> levels = (timesteps with { EndsClean = true }).Levels(schedule, steps);
        double min = isDpm || steps == 1 ? schedule.At(0).Ratio : levels[^2].Ratio;
        double max = isDpm ? schedule.At(schedule.LastTime).Ratio : levels[0].Ratio;
        CurveGrid made = MakeCurve(curve, trace.Number("sigma_min", min), trace.Number("sigma_max", max), endsClean);
        return isDpm ? made : new CurveOverGrid(made, timesteps);
    }

    private static CurveGrid MakeCurve(string kind, double min, double max, bool endsClean = true, double shape = double.NaN,
        CurveVariable variable = CurveVariable.Ratio)
    {
        CurveGrid curve = kind switch
        {
            "karras" => new KarrasGrid(double.IsNaN(shape) ? 7 : shape),
            "beta" => new BetaGrid(),
            _ => new ExponentialGrid(double.IsNaN(shape) ? 1 : shape),
        };
        return curve with { MinRatio = min, MaxRatio = max, EndsClean = endsClean, Variable = variable };
    }

    private static CurveGrid Edm(SamplerTrace trace) => MakeCurve(trace.Word("sigma_schedule") ?? "karras", trace.Number("sigma_min"),
        trace.Number("sigma_max"), trace.Word("final_sigmas_type") != "sigma_min",
        trace.Word("sigma_schedule") == "karras" ? trace.Number("rho") : double.NaN);

    // The library shifts the low end when the scheduler is made, and once more with the grid: here a grid whose end time is shifted.
    private static ISamplingGrid FlowMatch(SamplerTrace trace)
    {
        double shift = trace.Number("shift", 1);
        bool isDynamic = trace.Flag("use_dynamic_shifting");
        double low = 1.0 / trace.Timesteps;
        bool isShiftedOnce = isDynamic || (!trace.IsTable && TraceFolder.HasFault(trace.Name, 11));
        double end = isShiftedOnce ? low : Shifted(low, shift);
        double factor = isDynamic ? DynamicShift(trace) : shift;
        ISamplingGrid grid = new ShiftedGrid(new TimeGrid { EndTime = end, IncludesEndTime = true }, factor)
        {
            Terminal = trace.Number("shift_terminal") is > 0 and var terminal ? terminal : null,
        };
        if (Curve(trace) is not { } curve)
        {
            return grid;
        }

        double last = grid.Levels(new FlowSchedule(), trace.Steps)[^2].Ratio;
        return MakeCurve(curve, last, double.PositiveInfinity, variable: CurveVariable.Fraction);
    }

    private static double Shifted(double time, double shift) => shift * time / (1 + ((shift - 1) * time));

    private static double DynamicShift(SamplerTrace trace)
    {
        double mu = trace.GridArgument("mu")!.Value.GetDouble();
        return trace.Word("time_shift_type") == "linear" ? mu : Math.Exp(mu);
    }

    private static ISamplingGrid? DpmFlow(SamplerTrace trace)
    {
        double low = 1.0 / trace.Timesteps;
        TimeGrid times = trace.Class == "UniPCMultistep" ? new TimeGrid { EndTime = low } : new TimeGrid { StartTime = 1 - low };
        double shift = trace.Flag("use_dynamic_shifting") ? DynamicShift(trace) : trace.Number("flow_shift");
        return Curve(trace) is null ? new ShiftedGrid(times, shift) : null;
    }

    private static ISamplingGrid OfKDiffusion(SamplerTrace trace)
    {
        string function = trace.Text("class")!;
        bool isTable = function.StartsWith("get_sigmas_", StringComparison.Ordinal);
        string kind = isTable ? function["get_sigmas_".Length..] : trace.GridWord("kind");
        double Of(string name, double otherwise) => isTable ? trace.Number(name, otherwise) : trace.Grid(name, otherwise);
        return kind == "vp"
            ? new VarianceGrid(Of("beta_d", 19.9), Of("beta_min", 0.1)) { LastTime = Of("eps_s", 1e-3) }
            : MakeCurve(kind, Of("sigma_min", double.NaN), Of("sigma_max", double.NaN), shape: Of("rho", double.NaN));
    }
}

namespace Diffusion.Sampling.Tests.Traces;

/// <summary>A grid's levels in the form in which a library lists them.</summary>
public static class GridAsRecorded
{
    public static (double[] Sigmas, double[] Timesteps) Of(IRecordedSettings trace, IReadOnlyList<NoiseLevel> levels)
    {
        string name = trace.Class;
        bool isFlow = name.StartsWith("FlowMatch", StringComparison.Ordinal) || trace.Flag("use_flow_sigmas");
        double[] sigmas = [.. levels.Select(level => isFlow ? level.Sigma : level.Ratio)];
        double[] labels = [.. levels.SkipLast(1).Select(level => level.Label)];
        if (isFlow && name == "UniPCMultistep")
        {
            sigmas[0] = Math.Min(sigmas[0], 1 - 1e-6); // the library keeps off pure noise
            labels[0] = 1000 * sigmas[0];
        }

        if (trace.Flag("invert_sigmas"))
        {
            (sigmas, labels) = ([.. sigmas.Select(sigma => 1 - sigma)], [.. labels.Select(label => 1000 - label)]);
        }

        if (name is "HeunDiscrete" or "FlowMatchHeunDiscrete")
        {
            (sigmas, labels) = ([sigmas[0], .. sigmas[1..^1].SelectMany(Twice), sigmas[^1]], [labels[0], .. labels[1..].SelectMany(Twice)]);
        }

        return (sigmas, [.. labels.Select(label => Rounded(trace, label))]);
    }

    /// <summary>Whether the recorded sigmas are not those of the grid alone.</summary>
    public static bool HasOwnSigmas(IRecordedSettings trace) =>
        trace.Class is var name && (name.StartsWith("KDPM2", StringComparison.Ordinal) || name == "DPMSolverSDE");

    /// <summary>Whether the recorded timesteps are those of the grid, one for each step.</summary>
    public static bool HasTimesteps(IRecordedSettings trace) => trace.Class is not ("DPMSolverSDE" or "CosineDPMSolverMultistep");

    /// <summary>The recorded timesteps without the repetitions of warm-ups and of second stages.</summary>
    public static double[] Once(IRecordedSettings trace, double[] timesteps) => trace.Class switch
    {
        "PNDM" when trace.Flag("skip_prk_steps") => timesteps.Length > 1 ? [timesteps[0], .. timesteps[2..]] : timesteps,
        "PNDM" => [timesteps[0], timesteps[4], timesteps[8], .. timesteps[12..]],
        "KDPM2Discrete" or "KDPM2AncestralDiscrete" or "DPMSolverSDE" => [.. timesteps.Where((_, i) => i % 2 == 0)],
        _ => timesteps,
    };

    /// <summary>Whether the library's spacing gives timestep 0 for a single step, which no sampler can start from.</summary>
    public static bool StartsAtZeroWithOneStep(SamplerTrace trace)
    {
        string spacing = trace.Word("timestep_spacing")
            ?? (trace.Class is "DDIM" or "DDPM" or "PNDM" ? "leading" : "linspace");
        return !TraceGrids.IsOfDpmFamily(trace) && TraceGrids.Schedule(trace) is DiscreteSchedule && spacing != "trailing";
    }

    /// <summary>The recorded sigmas of the grid, where the library also lists those of inner levels.</summary>
    public static double[] SigmasOnce(IRecordedSettings trace, double[] sigmas, int steps) => HasOwnSigmas(trace)
        ? [.. ((double[])[sigmas[0], .. sigmas[1..].Where((_, i) => i % 2 == 0)]).Take(steps + 1)]
        : sigmas;

    private static double[] Twice(double value) => [value, value];

    // The DPM family rounds Karras' timesteps, cuts off the others', and KDPM2 rounds Karras' too; here labels are real numbers.
    private static double Rounded(IRecordedSettings trace, double label)
    {
        string? curve = TraceGrids.Curve(trace);
        bool isDpm = TraceGrids.IsOfDpmFamily(trace);
        bool rounds = curve == "karras" && trace.Word("beta_schedule") != "squaredcos_cap_v2";
        rounds |= trace.Flag("use_lu_lambdas");
        return isDpm && trace.Flag("use_flow_sigmas") ? Math.Floor(label + 1e-9)
            : isDpm && curve is not null ? (rounds ? Math.Round(label) : Math.Floor(label + 1e-9))
            : trace.Class.StartsWith("KDPM2", StringComparison.Ordinal) && curve == "karras" ? Math.Round(label)
            : label;
    }
}

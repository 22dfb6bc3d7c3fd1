using System.Text.Json;

namespace Diffusion.Sampling.Tests.Traces;

/// <summary>The levels that a recorded run went through, and a schedule in their scaling for levels between them.</summary>
public static class TraceLevels
{
    public static NoiseLevel[] Of(SamplerTrace trace) => trace.Text("convention") switch
    {
        _ when trace.Family is "k_dpm_fast" or "k_dpm_adaptive" => EvenInLogSnr(trace),
        "vp_t" => trace.Family switch
        {
            "ddim_inverse" => Inverse(trace),
            "pndm" => Pndm(trace),
            "repaint" => Repaint(trace),
            "tcd" => [.. Timesteps(trace).Select(t => At(trace, t)), At(trace, 0)],
            "ddim" when !trace.Flag("set_alpha_to_one") => [.. Timesteps(trace).Select(t => At(trace, t)), At(trace, 0)],
            _ => [.. Timesteps(trace).Select(t => At(trace, t)), NoiseLevel.Clean],
        },
        "vp_sigma" when trace.Flag("use_flow_sigmas") => [.. trace.Numbers("sigmas").Select(Flow)],
        "vp_sigma" when trace.Family == "sasolver" => WithTau(trace),
        "vp_sigma" => [.. trace.Numbers("sigmas").Select(Preserving)],
        "flow" => [.. Once(trace).Select(Flow)],
        "flow_inv" => [.. trace.Numbers("sigmas").Select(sigma => Flow(1 - sigma))],
        "ipndm" => Ipndm(trace),
        "cd" => ConsistencyDecoder(),
        "sde_ve" => [.. trace.Numbers("discrete_sigmas").Reverse().Append(0).Select(Exploding)],
        _ => [.. Once(trace).Select(Exploding)],
    };

    /// <summary>The schedule: it gives the levels between those of the grid.</summary>
    public static INoiseSchedule Schedule(SamplerTrace trace) => trace.Text("convention") switch
    {
        "vp_t" when trace.Family is "pndm" or "tcd" => new DiscreteSchedule(
            [.. trace.Numbers("alphas_cumprod").Select((bar, t) => FromBar(bar, t))], "recorded"),
        "vp_t" or "vp_sigma" or "ipndm" or "cd" when !trace.Flag("use_flow_sigmas") => NoiseSchedule.Linear(),
        "flow" or "flow_inv" or "vp_sigma" => new FlowSchedule(),
        _ => new EdmSchedule(1e-6, 1e6),
    };

    public static double[] Timesteps(SamplerTrace trace) => trace.Numbers("timesteps");

    public static NoiseLevel At(SamplerTrace trace, double timestep) => FromBar(trace.Numbers("alphas_cumprod")[(int)timestep], timestep);

    public static NoiseLevel FromBar(double alphaBar, double time) => new(Math.Sqrt(alphaBar), Math.Sqrt(1 - alphaBar), time);

    private static NoiseLevel Preserving(double sigma)
    {
        double alpha = 1 / Math.Sqrt(1 + (sigma * sigma));
        return new NoiseLevel(alpha, sigma * alpha, sigma);
    }

    private static NoiseLevel Exploding(double sigma) => new(1, sigma, sigma);

    private static NoiseLevel Flow(double sigma) => new(1 - sigma, sigma, sigma);

    // diffusers lists the inner levels of samplers of two stages twice; other families may list more levels than they take steps.
    private static double[] Once(SamplerTrace trace)
    {
        double[] sigmas = trace.Numbers("sigmas");
        return trace.Family switch
        {
            "flow_heun" => [sigmas[0], .. sigmas[1..^1].Where((_, i) => i % 2 == 0), sigmas[^1]],
            "heun" or "kdpm2" or "kdpm2_ancestral" or "dpm_sde" =>
                [.. ((double[])[sigmas[0], .. sigmas[1..^1].Where((_, i) => i % 2 == 0), sigmas[^1]]).Take(trace.Steps), Last()],
            "euler" or "cm_stochastic" => sigmas[..(trace.Steps + 1)],
            _ => sigmas,
        };

        double Last() => ((double[])[sigmas[0], .. sigmas[1..^1].Where((_, i) => i % 2 == 0), sigmas[^1]]).ElementAtOrDefault(trace.Steps);
    }

    // DDIM inversion starts one stride below the first timestep, at the clean image if that is below 0.
    private static NoiseLevel[] Inverse(SamplerTrace trace)
    {
        double[] timesteps = Timesteps(trace);
        double first = Math.Min(timesteps[0] - (trace.Timesteps / trace.Steps), trace.Timesteps - 1);
        NoiseLevel start = first >= 0 ? At(trace, first)
            : trace.Flag("set_alpha_to_one") ? new NoiseLevel(1, 0, -1)
            : At(trace, 0) with { Time = -1 };
        return [start, .. timesteps.Select(t => At(trace, t))];
    }

    // The warm-up repeats timesteps: PLMS calls twice at the second, Runge-Kutta four times in each of the first three steps.
    private static NoiseLevel[] Pndm(SamplerTrace trace)
    {
        double[] listed = Timesteps(trace);
        double[] timesteps = trace.Flag("skip_prk_steps")
            ? [listed[0], .. listed[2..]]
            : [listed[0], listed[4], listed[8], .. listed[12..]];
        double end = timesteps[^1] - (trace.Timesteps / trace.Steps);
        NoiseLevel last = end >= 0 ? At(trace, end) : trace.Flag("set_alpha_to_one") ? NoiseLevel.Clean : At(trace, 0);
        return [.. timesteps.Select(t => At(trace, t)), last with { Time = end }];
    }

    private static NoiseLevel[] Repaint(SamplerTrace trace)
    {
        int stride = trace.Timesteps / trace.Steps;
        return [.. Enumerable.Range(0, trace.Steps).Select(i => At(trace, (trace.Steps - 1 - i) * stride)), NoiseLevel.Clean];
    }

    private static NoiseLevel[] Ipndm(SamplerTrace trace)
    {
        double[] sigmas = trace.Config("trained_betas") is { ValueKind: JsonValueKind.Array } betas
            ? [.. betas.EnumerateArray().Select(beta => beta.GetDouble())]
            : [.. Enumerable.Range(0, trace.Steps + 1).Select(k => Math.Pow(Math.Sin(Math.PI / 2 * (1 - ((double)k / trace.Steps))), 2))];
        return [.. sigmas.Select(sigma => new NoiseLevel(Math.Sqrt(Math.Max(0, 1 - (sigma * sigma))), sigma, sigma))];
    }

    private static NoiseLevel[] ConsistencyDecoder()
    {
        double[] bars = [.. NoiseSchedule.Cosine(1024).Betas!.Select(beta => 1 - beta)];
        for (int t = 1; t < bars.Length; t++)
        {
            bars[t] *= bars[t - 1];
        }

        return [FromBar(bars[1008], 1008), FromBar(bars[512], 512), NoiseLevel.Clean];
    }

    // The label of a level holds SA-Solver's tau: as the name says, else 1 between the timesteps 200 and 800.
    private static NoiseLevel[] WithTau(SamplerTrace trace)
    {
        double[] timesteps = [.. Timesteps(trace), 0];
        return [.. trace.Numbers("sigmas").Select((sigma, i) => Preserving(sigma) with { Label = Tau(timesteps[i]) })];

        double Tau(double timestep) => trace.Name.Contains("tau0", StringComparison.Ordinal) ? 0
            : trace.Name.Contains("tau1", StringComparison.Ordinal) ? 1
            : timestep is >= 200 and <= 800 ? 1 : 0;
    }

    private static NoiseLevel[] EvenInLogSnr(SamplerTrace trace)
    {
        (double first, double last) = (-Math.Log(trace.Grid("sigma_max")), -Math.Log(trace.Grid("sigma_min")));
        int steps = trace.Family == "k_dpm_fast" ? (trace.Steps / 3) + 1 : 1;
        return [.. Enumerable.Range(0, steps + 1).Select(i => Exploding(Math.Exp(-(first + ((last - first) * i / steps)))))];
    }
}

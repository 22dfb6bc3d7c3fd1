using System.Text.Json;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests.Traces;

/// <summary>The sampler that a recorded run used, as a walk over its levels.</summary>
public static class TraceSamplers
{
    public static Func<SamplingWalk, Tensor> Of(SamplerTrace trace) => trace.Family switch
    {
        "k_dpm_adaptive" => Adaptive(trace).Walk,
        "repaint" => Resampling(trace).Walk,
        _ => Stepping(trace).Walk,
    };

    /// <summary>RePaint around DDIM, as diffusers has it.</summary>
    public static ResamplingSampler Resampling(SamplerTrace trace) => new()
    {
        Inner = new DdimSampler { Eta = trace.Number("eta") },
        Known = trace["original_image"],
        Mask = trace["mask"],
        JumpLength = trace.GridArgument("jump_length")!.Value.GetInt32(),
        Resamples = trace.GridArgument("jump_n_sample")!.Value.GetInt32(),
    };

    /// <summary>The sampler of a run whose sampler steps over a grid.</summary>
    public static StepSampler Stepping(SamplerTrace trace)
    {
        double noiseScale = trace.Argument("s_noise", 1);
        return trace.Family switch
        {
            "ddim" => new DdimSampler { Eta = trace.Argument("eta", 0) },
            "ddim_inverse" => new DdimInversionSampler(),
            "ddpm" => new DdpmSampler { Variance = Variance(trace) },
            "pndm" => new PndmSampler
            {
                Warmup = trace.Flag("skip_prk_steps") ? PndmWarmup.ImprovedEuler : PndmWarmup.RungeKutta, FirstOrderFromNoise = false,
            },
            "ipndm" => new PndmSampler { Warmup = PndmWarmup.None, FirstOrderFromNoise = false },
            "lcm" or "flow_lcm" or "consistency_decoder" => new ConsistencySampler(),
            "cm_stochastic" => new ConsistencySampler { Floor = trace.Number("sigma_min") },
            "tcd" => new TcdSampler { Gamma = trace.Argument("eta", 0.3) },
            "flow_euler" when trace.Flag("stochastic_sampling") => new ConsistencySampler(),
            "euler" or "k_euler" or "edm_euler" or "flow_euler" => new EulerSampler { Churn = ChurnOf(trace) },
            "euler_ancestral" or "k_euler_ancestral" => new EulerAncestralSampler
            {
                Eta = trace.Argument("eta", 1), NoiseScale = noiseScale,
            },
            "heun" or "k_heun" => new HeunSampler { Churn = ChurnOf(trace), FirstOrderFromNoise = false },
            "flow_heun" => new HeunSampler { Churn = ChurnOf(trace), Path = HeunPath.Own },
            "kdpm2" or "k_dpm_2" => new Dpm2Sampler { Churn = ChurnOf(trace), FirstOrderFromNoise = false },
            "kdpm2_ancestral" or "k_dpm_2_ancestral" => new Dpm2Sampler
            {
                Eta = trace.Argument("eta", 1), NoiseScale = noiseScale, FirstOrderFromNoise = false,
            },
            "lms" or "k_lms" => new LmsSampler { Order = (int)trace.Argument("order", 4) },
            "k_dpmpp_2m" => new DpmSolver { OrderAtEnd = OrderAtEnd.Full },
            "k_dpmpp_2m_sde" => new DpmSolver
            {
                Slope = trace.ArgumentWord("solver_type") == "heun" ? SolverSlope.Exact : SolverSlope.HalfPhi,
                Eta = trace.Argument("eta", 1), NoiseScale = noiseScale, OrderAtEnd = OrderAtEnd.Full,
            },
            "k_dpmpp_3m_sde" => new DpmSolver
            {
                Order = 3, Slope = SolverSlope.Exact, Eta = trace.Argument("eta", 1), NoiseScale = noiseScale,
                OrderAtEnd = OrderAtEnd.Full,
            },
            "k_dpmpp_2s_ancestral" => new DpmSolver2S { Eta = trace.Argument("eta", 1), NoiseScale = noiseScale },
            "k_dpmpp_sde" or "dpm_sde" => new DpmSolverSde
            {
                Eta = trace.Argument("eta", 1), NoiseScale = noiseScale, InnerFraction = trace.Argument("r", 0.5),
            },
            "k_dpm_fast" => new DpmSolverSinglestep
            {
                Steps = trace.Steps, Order = 3, Form = SolverForm.Noise, Inner = InnerLevels.OffGrid, Eta = trace.Argument("eta", 0),
                NoiseScale = noiseScale,
            },
            "dpm_multistep" or "dpm_multistep_inverse" or "edm_dpm_multistep" or "cosine_dpm_multistep" => Multistep(trace),
            "dpm_singlestep" => new DpmSolverSinglestep
            {
                Order = (int)trace.Number("solver_order"), Form = FormOf(trace), Slope = SlopeOf(trace),
                Eta = IsSde(trace) ? 1 : 0,
                OrderAtEnd = trace.Flag("lower_order_final") ? OrderAtEnd.Auto : OrderAtEnd.Full,
            },
            "deis" => new DeisSampler
            {
                Order = (int)trace.Number("solver_order"),
                OrderAtEnd = trace.Flag("lower_order_final") ? OrderAtEnd.Auto : OrderAtEnd.Full,
            },
            "unipc" => new UniPcSampler
            {
                Order = (int)trace.Number("solver_order"),
                Form = trace.Flag("predict_x0") ? SolverForm.Data : SolverForm.Noise,
                Slope = trace.Word("solver_type") == "bh2" ? SolverSlope.HalfPhi : SolverSlope.HalfStep,
                OrderAtEnd = trace.Flag("lower_order_final") ? OrderAtEnd.Auto : OrderAtEnd.Full,
                UncorrectedSteps = trace.Config("disable_corrector") is { ValueKind: JsonValueKind.Array } steps
                    ? [.. steps.EnumerateArray().Select(step => step.GetInt32())]
                    : [],
                FirstOrderFromNoise = false,
            },
            "sasolver" => new SaSolver
            {
                Predictor = (int)trace.Number("predictor_order"), Corrector = (int)trace.Number("corrector_order"),
                Form = trace.Word("algorithm_type") == "data_prediction" ? SolverForm.Data : SolverForm.Noise,
                Tau = level => level.Label, OrderAtEnd = trace.Flag("lower_order_final") ? OrderAtEnd.Auto : OrderAtEnd.Full,
            },
            "sde_ve" => new PredictorCorrectorSampler { Corrections = (int)trace.Number("correct_steps"), Snr = trace.Number("snr") },
            var family => throw new NotSupportedException($"{trace.Name}: no sampler is known for the family {family}."),
        };
    }

    private static DpmSolverAdaptive Adaptive(SamplerTrace trace) => new()
    {
        Order = (int)trace.Argument("order", 3), RelativeTolerance = trace.Argument("rtol", 0.05),
        AbsoluteTolerance = trace.Argument("atol", 0.0078), FirstStep = trace.Argument("h_init", 0.05), Eta = trace.Argument("eta", 0),
        NoiseScale = trace.Argument("s_noise", 1),
        Control = new StepControl(trace.Argument("pcoeff", 0), trace.Argument("icoeff", 1), trace.Argument("dcoeff", 0),
            trace.Argument("accept_safety", 0.81)),
    };

    private static DpmSolver Multistep(SamplerTrace trace) => new()
    {
        Order = (int)trace.Number("solver_order"), Form = FormOf(trace), Slope = SlopeOf(trace),
        Eta = IsSde(trace) || trace.Family == "cosine_dpm_multistep" ? 1 : 0,
        OrderAtEnd = trace.Flag("lower_order_final") && trace.Steps < 15 ? OrderAtEnd.Auto
            : trace.Flag("euler_at_final") ? OrderAtEnd.LastStepFirst
            : OrderAtEnd.Full,
    };

    private static bool IsSde(SamplerTrace trace) => trace.Word("algorithm_type")?.StartsWith("sde", StringComparison.Ordinal) == true;

    // The cosine scheduler of diffusers has no algorithm_type: it is the SDE form of DPM-Solver++.
    private static SolverForm FormOf(SamplerTrace trace) =>
        trace.Word("algorithm_type") is { } type && !type.EndsWith("++", StringComparison.Ordinal) ? SolverForm.Noise : SolverForm.Data;

    private static SolverSlope SlopeOf(SamplerTrace trace) =>
        trace.Word("solver_type") == "heun" ? SolverSlope.Exact : SolverSlope.HalfPhi;

    private static DdpmVariance Variance(SamplerTrace trace) => trace.Word("variance_type") switch
    {
        "fixed_small" or "fixed_small_log" => DdpmVariance.FixedSmall,
        "fixed_large" or "fixed_large_log" => DdpmVariance.FixedLarge,
        "learned" => DdpmVariance.Learned,
        _ => DdpmVariance.LearnedRange,
    };

    private static Churn ChurnOf(SamplerTrace trace) => new()
    {
        Amount = trace.Argument("s_churn", 0), MinRatio = trace.Argument("s_tmin", 0),
        MaxRatio = trace.Argument("s_tmax", double.PositiveInfinity), NoiseScale = trace.Argument("s_noise", 1),
    };
}

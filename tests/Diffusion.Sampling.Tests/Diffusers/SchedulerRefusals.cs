namespace Diffusion.Sampling.Tests.Diffusers;

/// <summary>What is refused, with a part of the reason. Whatever is not in these tables must work.</summary>
public static class SchedulerRefusals
{
    private static readonly Dictionary<string, string> Classes = new()
    {
        ["AmusedScheduler"] = "discrete tokens", ["BlockRefinementScheduler"] = "discrete tokens",
        ["DiscreteDDIMScheduler"] = "discrete tokens", ["EntropyBoundScheduler"] = "discrete tokens",
        ["VQDiffusionScheduler"] = "discrete tokens",
        ["CogVideoXDDIMScheduler"] = "video model", ["CogVideoXDPMScheduler"] = "video model", ["HeliosScheduler"] = "video model",
        ["HeliosDMDScheduler"] = "video model", ["LTXEulerAncestralRFScheduler"] = "video model", ["MiniMaxH3Scheduler"] = "video model",
        ["FlowMapEulerDiscreteScheduler"] = "distilled model", ["PiflowScheduler"] = "distilled model",
        ["SCMScheduler"] = "distilled model",
        ["ConsistencyDecoderScheduler"] = "latent model", ["DDPMWuerstchenScheduler"] = "latent model",
        ["KarrasVeScheduler"] = "by a half", ["RePaintScheduler"] = "ResamplingSampler", ["ScoreSdeVeScheduler"] = "score",
    };

    private static readonly (string Key, Func<ConfigSettings, bool> IsRefused, string Reason)[] Options =
    [
        ("num_train_timesteps", file => file.Class.StartsWith("FlowMatch", StringComparison.Ordinal)
            && file.Number("num_train_timesteps") != 1000, "must be 1000 for rectified flow"),
        ("num_train_timesteps", file => file.Flag("use_flow_sigmas") && file.Number("num_train_timesteps") != 1000,
            "must be 1000 for rectified flow"),
        ("s_noise", file => file.Class == "CMStochasticIterative" && file.Number("s_noise") is not (null or 1), "a deviation of 1"),
        ("prediction_type", file => file.Class == "UnCLIP" && file.Word("prediction_type") == "v_prediction",
            "\"epsilon\" or \"sample\""),
        ("variance_type", file => file.Class.StartsWith("DDPM", StringComparison.Ordinal)
            && file.Word("variance_type") == "fixed_large_log", "\"fixed_large\""),
        ("lambda_min_clipped", file => file.Number("lambda_min_clipped") is not null, "noisiest timesteps"),
        ("interpolation_type", file => file.Word("interpolation_type") == "log_linear", "never reaches the clean image"),
        ("timestep_type", file => file.Word("timestep_type") == "continuous", "labels"),
        ("noise_sampler_seed", file => file.Has("noise_sampler_seed"), "SampleRequest"),
        ("solver_p", file => file.Has("solver_p"), ""),
        ("tau_func", file => file.Has("tau_func"), ""),
        ("timestep_scaling", file => file.Class == "LCM" && file.Number("timestep_scaling") < 10, "below 10"),
        ("scale_factors", file => file.Has("scale_factors"), "size of images"),
        ("invert_sigmas", file => file.Flag("invert_sigmas"), "from the image to noise"),
        ("use_dynamic_shifting", file => file.Flag("use_dynamic_shifting"), "Pass tokens"),
        ("algorithm_type", file => file.Class == "DPMSolverMultistepInverse"
            && file.Word("algorithm_type")!.StartsWith("sde", StringComparison.Ordinal), "cannot be inverted"),
        ("use_", file => file.Flag("use_flow_sigmas") && Traces.TraceGrids.Curve(file) is not null, "another schedule"),
        ("final_sigmas_type", file => file.Flag("use_flow_sigmas") && file.Word("final_sigmas_type") == "sigma_min", "Use zero"),
    ];

    /// <summary>The parts of the message that refuses a file; null if it must work.</summary>
    public static string[]? Of(ConfigSettings file) => Classes.TryGetValue(file.ClassName, out string? reason)
        ? [file.ClassName, reason]
        : Options.Where(option => option.IsRefused(file)).Select(option => (string[]?)[option.Key, option.Reason]).FirstOrDefault();
}

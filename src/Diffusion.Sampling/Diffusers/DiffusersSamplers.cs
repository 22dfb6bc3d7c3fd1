namespace Diffusion.Sampling;

/// <summary>Creates the samplers that correspond to diffusers' schedulers.</summary>
public static class DiffusersSamplers
{
    private static readonly Dictionary<string, Func<DiffusersSettings, StepSampler>> Samplers = new(StringComparer.Ordinal)
    {
        ["DDPMScheduler"] = AncestralMapping.Ddpm,
        ["DDPMParallelScheduler"] = AncestralMapping.Ddpm,
        ["UnCLIPScheduler"] = AncestralMapping.UnClip,
        ["DDIMScheduler"] = AncestralMapping.Ddim,
        ["DDIMParallelScheduler"] = AncestralMapping.Ddim,
        ["DDIMInverseScheduler"] = AncestralMapping.DdimInverse,
        ["PNDMScheduler"] = AncestralMapping.Pndm,
        ["IPNDMScheduler"] = AncestralMapping.Ipndm,
        ["EulerDiscreteScheduler"] = SigmaMapping.Euler,
        ["EulerAncestralDiscreteScheduler"] = SigmaMapping.EulerAncestral,
        ["HeunDiscreteScheduler"] = SigmaMapping.Heun,
        ["LMSDiscreteScheduler"] = SigmaMapping.Lms,
        ["KDPM2DiscreteScheduler"] = SigmaMapping.Dpm2,
        ["KDPM2AncestralDiscreteScheduler"] = SigmaMapping.Dpm2Ancestral,
        ["DPMSolverSDEScheduler"] = SigmaMapping.DpmSde,
        ["DPMSolverMultistepScheduler"] = DpmMapping.Multistep,
        ["DPMSolverMultistepInverseScheduler"] = DpmMapping.MultistepInverse,
        ["DPMSolverSinglestepScheduler"] = DpmMapping.Singlestep,
        ["DEISMultistepScheduler"] = DpmMapping.Deis,
        ["UniPCMultistepScheduler"] = DpmMapping.UniPc,
        ["SASolverScheduler"] = DpmMapping.SaSolver,
        ["LCMScheduler"] = DistilledMapping.Lcm,
        ["TCDScheduler"] = DistilledMapping.Tcd,
        ["FlowMatchEulerDiscreteScheduler"] = FlowMapping.Euler,
        ["FlowMatchHeunDiscreteScheduler"] = FlowMapping.Heun,
        ["FlowMatchLCMScheduler"] = FlowMapping.Lcm,
        ["EDMEulerScheduler"] = EdmMapping.Euler,
        ["EDMDPMSolverMultistepScheduler"] = EdmMapping.DpmMultistep,
        ["CosineDPMSolverMultistepScheduler"] = EdmMapping.Cosine,
        ["CMStochasticIterativeScheduler"] = EdmMapping.Consistency,
    };

    /// <summary>The sampler with a scheduler's settings: its grid, its options and its clipping.</summary>
    /// <remarks>
    /// Where diffusers leaves the papers, the sampler follows the papers. docs/diffusers.md lists the differences, and the settings that
    /// are refused.
    /// </remarks>
    /// <param name="scheduler">The scheduler; <c>with { ClassName = ... }</c> chooses another sampler than the one it names.</param>
    /// <param name="steps">How many steps. Default (null): all timesteps for DDPM, 8 for distilled models, otherwise 50.</param>
    /// <param name="tokens">
    /// With <c>use_dynamic_shifting</c>: how many patches the network makes of an image. Default null.
    /// </param>
    /// <returns>The sampler, such as a <see cref="DdimSampler"/> or a <see cref="DpmSolver"/>.</returns>
    /// <exception cref="ArgumentException">
    /// The settings contradict each other, or no sampler here can honor one; the message lists every problem.
    /// </exception>
    public static ISampler ToSampler(this DiffusersScheduler scheduler, int? steps = null, int? tokens = null)
    {
        ArgumentNullException.ThrowIfNull(scheduler);
        IReadOnlyList<string> problems = scheduler.Problems();
        if (problems.Count == 0)
        {
            DiffusersSettings settings = new(scheduler, steps, tokens);
            StepSampler sampler = Samplers[scheduler.ClassName](settings) with { Steps = steps };
            if (settings.Refused.Count == 0)
            {
                return sampler;
            }

            problems = settings.Refused;
        }

        throw new ArgumentException($"There is no sampler for this scheduler: {string.Join(" ", problems)}", nameof(scheduler));
    }
}

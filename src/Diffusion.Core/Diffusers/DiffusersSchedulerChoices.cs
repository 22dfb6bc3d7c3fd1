namespace Diffusion;

/// <summary>Which of diffusers' schedulers.</summary>
public enum DiffusersSchedulerKind
{
    /// <summary><c>DDPMScheduler</c>, of a <c>DDPMPipeline</c>.</summary>
    Ddpm,

    /// <summary><c>DDIMScheduler</c>, of a <c>DDIMPipeline</c>.</summary>
    Ddim,
}

/// <summary>diffusers' <c>variance_type</c>: the variance of the noise that DDPM adds at each step.</summary>
public enum DiffusersVariance
{
    /// <summary><c>fixed_small</c>, the posterior's variance. <c>fixed_small_log</c> is read as the same.</summary>
    FixedSmall,

    /// <summary><c>fixed_large</c>, the forward process's variance.</summary>
    FixedLarge,
}

/// <summary>diffusers' <c>timestep_spacing</c>: how steps are spaced over the timesteps.</summary>
public enum DiffusersSpacing
{
    /// <summary><c>leading</c>: down to <c>steps_offset</c>, without T-1.</summary>
    Leading,

    /// <summary><c>linspace</c>: from T-1 to 0, both included.</summary>
    Linspace,

    /// <summary><c>trailing</c>: from T-1 down, without 0.</summary>
    Trailing,
}

namespace Diffusion.Sampling;

/// <summary>How a sampler's steps are spread over the T timesteps of a schedule; the names are those of Lin et al. 2024, table 2.</summary>
public enum TimestepSpacing
{
    /// <summary>
    /// Evenly, from T-1 down, short of 0: 999, 979, ..., 19 for 50 steps of 1000. Starts where the schedule holds the most noise, which
    /// is what the first noise is; the last step goes from T/N - 1 to the clean image.
    /// </summary>
    Trailing,

    /// <summary>
    /// Evenly, down to 0, short of T-1: 980, 960, ..., 0 for 50 steps of 1000. The timesteps are floor(k * T / N) for k in 0..N-1. Where N
    /// divides T they are those of diffusers; where it does not, they still span the schedule, which a whole stride of floor(T / N) would
    /// not. The first timestep's training images still showed a little of the picture, which the first noise lacks, so few steps drift
    /// towards mid-grey.
    /// </summary>
    Leading,

    /// <summary>Evenly, from T-1 down to 0, both included: 999, 979, 958, ..., 20, 0 for 50 steps of 1000.</summary>
    Linspace,
}

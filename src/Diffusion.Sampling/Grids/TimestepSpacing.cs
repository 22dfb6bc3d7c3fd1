namespace Diffusion.Sampling;

/// <summary>How a sampler's steps are spaced over the T timesteps of a schedule; names from Lin et al. 2024, table 2.</summary>
public enum TimestepSpacing
{
    /// <summary>
    /// Evenly from T-1 down, without 0: 999, 979, ..., 19 for 50 steps of 1000. Starts where the schedule has the most noise, which
    /// matches the initial noise; the last step goes from T/N - 1 to the clean image.
    /// </summary>
    Trailing,

    /// <summary>
    /// Down to 0, without T-1, with a whole stride: 980, 960, ..., 0 for 50 steps of 1000. The timesteps are k * floor(T / N) for k in
    /// 0..N-1, as in diffusers. Training images of the first timestep still show a little of the picture, which the initial noise lacks, so
    /// few steps drift toward mid-gray; where N does not divide T, the noisiest timesteps are left out.
    /// </summary>
    Leading,

    /// <summary>Evenly from T-1 down to 0, both included: 999, 979, 958, ..., 20, 0 for 50 steps of 1000.</summary>
    Linspace,
}

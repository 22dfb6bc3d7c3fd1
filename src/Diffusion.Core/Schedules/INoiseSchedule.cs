namespace Diffusion;

/// <summary>How much noise each timestep holds, in float64, from nearly none at timestep 0 to nearly only noise at the last.</summary>
public interface INoiseSchedule
{
    /// <summary>The number of timesteps T; a timestep is an integer in [0, T-1].</summary>
    int Timesteps { get; }

    /// <summary>The noise level of a timestep in [0, T-1].</summary>
    /// <exception cref="ArgumentOutOfRangeException">The timestep is outside.</exception>
    NoiseLevel this[int timestep] { get; }

    /// <summary>Name and parameters in one line, as written into checkpoints: two schedules are the same where these are equal.</summary>
    string Description { get; }
}

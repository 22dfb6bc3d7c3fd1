namespace Diffusion.Sampling;

/// <summary>The usual grids.</summary>
public static class SamplingGrid
{
    /// <summary>
    /// The usual grid of a schedule: trailing timesteps for a discrete one, Karras' grid for EDM, evenly spaced times for any other.
    /// </summary>
    /// <param name="schedule">The schedule of the model.</param>
    public static ISamplingGrid UsualFor(INoiseSchedule schedule) => schedule switch
    {
        DiscreteSchedule => new TimestepGrid(),
        EdmSchedule => new KarrasGrid(),
        _ => new TimeGrid(),
    };
}

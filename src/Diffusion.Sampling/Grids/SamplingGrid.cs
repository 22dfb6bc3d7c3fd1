namespace Diffusion.Sampling;

/// <summary>The grids that are usual.</summary>
public static class SamplingGrid
{
    /// <summary>
    /// The grid that a schedule is usually sampled on: trailing timesteps where it is discrete, Karras' for EDM, even times for any other.
    /// </summary>
    /// <param name="schedule">The schedule of the model.</param>
    public static ISamplingGrid UsualFor(INoiseSchedule schedule) => schedule switch
    {
        DiscreteSchedule => new TimestepGrid(),
        EdmSchedule => new KarrasGrid(),
        _ => new TimeGrid(),
    };
}

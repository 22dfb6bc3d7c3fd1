namespace Diffusion.Training;

/// <summary>The weightings of the loss that options can name.</summary>
public static class LossWeighting
{
    /// <summary>Every noise level counts the same (the simple loss of Ho et al. 2020, equation 14).</summary>
    public static ILossWeighting Uniform { get; } = new UniformWeighting();

    /// <summary>Finds a weighting by its description; null where options cannot name it.</summary>
    internal static ILossWeighting? Named(string description) =>
        new[] { Uniform }.FirstOrDefault(known => known.Description == description);
}

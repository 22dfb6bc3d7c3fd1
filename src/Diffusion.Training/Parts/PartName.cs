namespace Diffusion.Training;

/// <summary>A part of a run that options can name, such as a loss weighting or a decay law.</summary>
/// <typeparam name="T">Its kind.</typeparam>
/// <param name="Name">The name.</param>
/// <param name="Make">Makes it from the value of each parameter; throws <see cref="ArgumentException"/> for an impossible one.</param>
/// <param name="Parameters">The parameters with their defaults.</param>
internal sealed record PartName<T>(string Name, Func<double[], T> Make, params (string Name, double Default)[] Parameters);

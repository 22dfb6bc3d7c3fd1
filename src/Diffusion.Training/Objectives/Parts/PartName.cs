namespace Diffusion.Training;

/// <summary>A part of an objective that options can name.</summary>
/// <typeparam name="T">Its kind.</typeparam>
/// <param name="Name">The name.</param>
/// <param name="Make">Makes it from the value of each parameter; throws <see cref="ArgumentException"/> for an impossible one.</param>
/// <param name="Parameters">The parameters with their defaults.</param>
internal sealed record PartName<T>(string Name, Func<double[], T> Make, params (string Name, double Default)[] Parameters);

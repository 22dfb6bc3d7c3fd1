namespace Diffusion.Training;

/// <summary>The loss functions that options can name.</summary>
public static class LossFunction
{
    /// <summary>The squared difference; over all elements, the mean squared error.</summary>
    public static ILossFunction SquaredError { get; } = new SquaredError();

    /// <summary>Finds a loss function by its description; null where options cannot name it.</summary>
    internal static ILossFunction? Named(string description) =>
        new[] { SquaredError }.FirstOrDefault(known => known.Description == description);
}

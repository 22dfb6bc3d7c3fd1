namespace Diffusion.Training;

/// <summary>
/// Training ended because its gradients stayed infinite or not a number, and the weights are those of the last good step; or because its
/// loss diverged, and they are as they were when that was seen.
/// </summary>
public sealed class TrainingDivergedException : Exception
{
    /// <summary>An error without details.</summary>
    public TrainingDivergedException() : this("Training diverged.")
    {
    }

    /// <summary>An error with its details and remedy.</summary>
    /// <param name="message">What was seen, and what to do.</param>
    public TrainingDivergedException(string message) : base(message)
    {
    }

    /// <summary>Whether the weights are those of the last good step.</summary>
    internal bool WeightsAreGood { get; init; }

    /// <summary>An error with its details, remedy and cause.</summary>
    /// <param name="message">What was seen, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public TrainingDivergedException(string message, Exception innerException) : base(message, innerException)
    {
    }
}

namespace Diffusion.Training;

/// <summary>
/// The exception that is thrown when training diverges. If the gradients stayed infinite or NaN, the model has the weights of the last good
/// step. If the loss diverged, it has the weights of the step at which the divergence was detected.
/// </summary>
public sealed class TrainingDivergedException : Exception
{
    /// <summary>Creates an exception without details.</summary>
    public TrainingDivergedException() : this("Training diverged.")
    {
    }

    /// <summary>Creates an exception with details and a remedy.</summary>
    /// <param name="message">What was observed, and what to do.</param>
    public TrainingDivergedException(string message) : base(message)
    {
    }

    /// <summary>Whether the weights are those of the last good step.</summary>
    internal bool WeightsAreGood { get; init; }

    /// <summary>Creates an exception with details, a remedy and a cause.</summary>
    /// <param name="message">What was observed, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public TrainingDivergedException(string message, Exception innerException) : base(message, innerException)
    {
    }
}

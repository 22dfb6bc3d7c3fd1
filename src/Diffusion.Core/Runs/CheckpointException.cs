namespace Diffusion;

/// <summary>
/// The exception that is thrown when a checkpoint cannot be written, read or used for this run. The message says which, why, and what to
/// do.
/// </summary>
public sealed class CheckpointException : Exception
{
    /// <summary>Creates an exception without details.</summary>
    public CheckpointException() : this("The checkpoint cannot be used.")
    {
    }

    /// <summary>Creates an exception with details and a remedy.</summary>
    /// <param name="message">What failed, why, and what to do.</param>
    public CheckpointException(string message) : base(message)
    {
    }

    /// <summary>Creates an exception with details, a remedy and a cause.</summary>
    /// <param name="message">What failed, why, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public CheckpointException(string message, Exception innerException) : base(message, innerException)
    {
    }
}

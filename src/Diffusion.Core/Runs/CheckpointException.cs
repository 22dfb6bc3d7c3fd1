namespace Diffusion;

/// <summary>A checkpoint cannot be written, read, or used for this run; the message says which, why, and what to do.</summary>
public sealed class CheckpointException : Exception
{
    /// <summary>An error without details.</summary>
    public CheckpointException() : this("The checkpoint cannot be used.")
    {
    }

    /// <summary>An error with its details and remedy.</summary>
    /// <param name="message">What failed, why, and what to do.</param>
    public CheckpointException(string message) : base(message)
    {
    }

    /// <summary>An error with its details, remedy and cause.</summary>
    /// <param name="message">What failed, why, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public CheckpointException(string message, Exception innerException) : base(message, innerException)
    {
    }
}

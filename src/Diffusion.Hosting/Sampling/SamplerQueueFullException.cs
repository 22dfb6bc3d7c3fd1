namespace Diffusion.Hosting;

/// <summary>
/// The exception that is thrown when the queue of a <see cref="HostedSampler"/> is full. A web application answers with status 429.
/// </summary>
public sealed class SamplerQueueFullException : Exception
{
    /// <summary>Creates an exception without details.</summary>
    public SamplerQueueFullException() : this("The queue of the sampler is full. Try again later.")
    {
    }

    /// <summary>Creates an exception with details and a remedy.</summary>
    /// <param name="message">Which queue is full, and what to do.</param>
    public SamplerQueueFullException(string message) : base(message)
    {
    }

    /// <summary>Creates an exception with details, a remedy and a cause.</summary>
    /// <param name="message">Which queue is full, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public SamplerQueueFullException(string message, Exception innerException) : base(message, innerException)
    {
    }
}

namespace Diffusion;

/// <summary>libtorch could not be loaded. The message names the cause and the remedy for this operating system.</summary>
public sealed class NativeBackendException : Exception
{
    /// <summary>An error without a stated cause.</summary>
    public NativeBackendException() : this("libtorch could not be loaded.")
    {
    }

    /// <summary>An error with its cause and remedy.</summary>
    /// <param name="message">What failed, why, and what to do.</param>
    public NativeBackendException(string message) : base(message)
    {
    }

    /// <summary>An error with its cause, remedy and the loader's own exception.</summary>
    /// <param name="message">What failed, why, and what to do.</param>
    /// <param name="innerException">The error of the operating system's loader.</param>
    public NativeBackendException(string message, Exception innerException) : base(message, innerException)
    {
    }
}

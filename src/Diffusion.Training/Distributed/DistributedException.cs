namespace Diffusion.Training;

/// <summary>
/// Training with several processes cannot start or continue: a process was lost or differs, an operation did not finish, or the launch is
/// wrong. The message names the rank, the operation and the remedy.
/// </summary>
public sealed class DistributedException : Exception
{
    /// <summary>Creates an exception.</summary>
    /// <param name="message">What happened and what to do.</param>
    /// <param name="innerException">The cause; null for none.</param>
    public DistributedException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}

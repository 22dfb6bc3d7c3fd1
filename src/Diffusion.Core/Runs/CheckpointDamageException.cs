namespace Diffusion;

/// <summary>A checkpoint is not as it was written: the one before it may do.</summary>
internal sealed class CheckpointDamageException(string path, string reason,
    Exception? cause = null) : Exception($"'{path}' is damaged: {reason}", cause)
{
    /// <summary>What is wrong with it.</summary>
    public string Reason { get; } = reason;
}

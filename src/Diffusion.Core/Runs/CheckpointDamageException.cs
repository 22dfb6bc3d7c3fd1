namespace Diffusion;

/// <summary>A checkpoint is damaged. An earlier one may be intact.</summary>
internal sealed class CheckpointDamageException(string path, string reason,
    Exception? cause = null) : Exception($"'{path}' is damaged: {reason}", cause)
{
    /// <summary>What is damaged.</summary>
    public string Reason { get; } = reason;
}

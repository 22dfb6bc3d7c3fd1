namespace Diffusion.Training;

/// <summary>Why a run ended.</summary>
public enum StopReason
{
    /// <summary>All steps are made.</summary>
    Completed,

    /// <summary>Its cancellation token was cancelled.</summary>
    Cancelled,

    /// <summary>Its time limit passed.</summary>
    TimeLimit,
}

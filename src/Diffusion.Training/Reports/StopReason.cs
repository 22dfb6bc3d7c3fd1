namespace Diffusion.Training;

/// <summary>Why a run ended.</summary>
public enum StopReason
{
    /// <summary>All steps were taken.</summary>
    Completed,

    /// <summary>The cancellation token was canceled.</summary>
    Canceled,

    /// <summary>The time limit expired.</summary>
    TimeLimit,
}

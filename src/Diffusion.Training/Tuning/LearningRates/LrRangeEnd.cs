namespace Diffusion.Training;

/// <summary>Why a sweep of the learning rate ended.</summary>
public enum LrRangeEnd
{
    /// <summary>Every rate was tried.</summary>
    Completed,

    /// <summary>The loss rose to ten times the loss before the first step.</summary>
    Diverged,

    /// <summary>
    /// The loss or a gradient was infinite or not a number, or the gradient norm over <see cref="HealthOptions.MaxGradientNorm"/>.
    /// </summary>
    NotFinite,

    /// <summary>It was cancelled.</summary>
    Cancelled,
}

namespace Diffusion.Training;

/// <summary>The reason why a sweep of the learning rate ended.</summary>
internal enum LrRangeEnd
{
    /// <summary>All rates were tried.</summary>
    Completed,

    /// <summary>The sweep had no given end, and the loss rose.</summary>
    Risen,

    /// <summary>The loss rose to ten times the loss before the first step.</summary>
    Diverged,

    /// <summary>
    /// The loss or a gradient was infinite or not a number, or the gradient norm over <see cref="HealthOptions.MaxGradientNorm"/>.
    /// </summary>
    NotFinite,

    /// <summary>The sweep was canceled.</summary>
    Canceled,
}

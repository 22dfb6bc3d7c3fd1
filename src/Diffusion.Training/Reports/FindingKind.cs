namespace Diffusion.Training;

/// <summary>The kind of problem that a <see cref="HealthFinding"/> describes.</summary>
public enum FindingKind
{
    /// <summary>The loss rose far above its minimum, or never fell at a learning rate far above the usual one.</summary>
    Diverged,

    /// <summary>The loss goes up and down and does not fall.</summary>
    Oscillating,

    /// <summary>The loss is still that of a network that has learned nothing.</summary>
    NotLearning,

    /// <summary>The loss falls, but much more slowly than it should.</summary>
    LearningSlowly,

    /// <summary>The loss has stopped falling but is still high.</summary>
    Plateau,

    /// <summary>The held-out loss rises while the training loss does not.</summary>
    Overfitting,

    /// <summary>Steps were skipped because their gradients were infinite, NaN, or above their limit.</summary>
    SkippedSteps,

    /// <summary>Gradients are far larger than before, or those of one block are far larger than those of all others.</summary>
    ExplodingGradients,

    /// <summary>The gradients of a block are nearly zero.</summary>
    VanishingGradients,

    /// <summary>Nearly all gradients are clipped to a small fraction of their norm.</summary>
    ClippedTooMuch,

    /// <summary>Tensors are created and not disposed.</summary>
    LeakedTensors,

    /// <summary>Training waits for images.</summary>
    SlowData,

    /// <summary>Samples have different colors from the data.</summary>
    ColorShift,

    /// <summary>A preview or an observer threw an exception.</summary>
    CallbackFailed,

    /// <summary>Samples have much more fine detail than the data: noise is left in them.</summary>
    NoisySamples,

    /// <summary>Samples have much less fine detail than the data.</summary>
    BlurrySamples,

    /// <summary>Samples differ much less from one another than the images of the data do.</summary>
    SimilarSamples,
}

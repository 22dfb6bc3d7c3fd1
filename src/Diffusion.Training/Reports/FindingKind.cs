namespace Diffusion.Training;

/// <summary>What a <see cref="HealthFinding"/> is about.</summary>
public enum FindingKind
{
    /// <summary>The loss rose far above what it had been, or never fell at a learning rate far above the usual one.</summary>
    Diverged,

    /// <summary>The loss goes up and down and does not fall.</summary>
    Oscillating,

    /// <summary>The loss is still that of a network that has learnt nothing.</summary>
    NotLearning,

    /// <summary>The loss falls, but much more slowly than it should.</summary>
    LearningSlowly,

    /// <summary>The loss stopped falling while it is still high.</summary>
    Plateau,

    /// <summary>The held-out loss rises while the training loss does not.</summary>
    Overfitting,

    /// <summary>Steps were skipped for gradients that are infinite, not a number, or beyond their limit.</summary>
    SkippedSteps,

    /// <summary>Gradients are far larger than they were, or those of one block than all others.</summary>
    ExplodingGradients,

    /// <summary>The gradients of a block are next to nothing.</summary>
    VanishingGradients,

    /// <summary>Nearly all gradients are cut, and to a small part of what they are.</summary>
    ClippedTooMuch,

    /// <summary>Tensors are made and not freed.</summary>
    LeakedTensors,

    /// <summary>Training waits for images.</summary>
    SlowData,

    /// <summary>Samples have other colours than the data.</summary>
    ColorShift,

    /// <summary>A preview or an observer threw.</summary>
    CallbackFailed,
}

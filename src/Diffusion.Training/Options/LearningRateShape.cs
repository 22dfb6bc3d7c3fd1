namespace Diffusion.Training;

/// <summary>The shape of the learning rate after its warm-up.</summary>
public enum LearningRateShape
{
    /// <summary>Stays at the peak: the default.</summary>
    Constant,

    /// <summary>Falls to zero at the end of the run along half a cosine (Loshchilov and Hutter 2017).</summary>
    Cosine,

    /// <summary>Falls to zero at the end of the run in a straight line.</summary>
    Linear,

    /// <summary>Falls with the inverse square root of the step, from the end of the warm-up on; needs no end of the run.</summary>
    InverseSquareRoot,
}

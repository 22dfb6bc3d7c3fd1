namespace Diffusion.Sampling;

/// <summary>The scaling of the noisy images in which a step of <see cref="HeunSampler"/> is a straight line.</summary>
public enum HeunPath
{
    /// <summary>x / alpha over sigma / alpha, as EDM and k-diffusion step.</summary>
    Ratio,

    /// <summary>The schedule's own scaling, as diffusers' FlowMatchHeun steps for rectified flow.</summary>
    Own,
}

namespace Diffusion.Sampling;

/// <summary>A denoiser whose estimates must not be clipped as a whole, because they have a part that must stay as it is.</summary>
internal interface IClippedInside
{
    /// <summary>The same denoiser around a clipped one; null if it has no such part.</summary>
    /// <param name="clip">Clips the inner denoiser.</param>
    IDenoiser? TryClip(Func<IDenoiser, IDenoiser> clip);
}

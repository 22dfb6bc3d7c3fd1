namespace Diffusion.Data;

/// <summary>Changes pixels at the final size.</summary>
internal abstract class PixelTransform(string name, bool isRandom) : ImageTransform(name, isRandom)
{
    /// <summary>Whether it is as fast as a copy.</summary>
    public virtual bool IsQuick => false;

    /// <summary>Changes an image.</summary>
    /// <param name="image">The pixels.</param>
    /// <param name="draws">
    /// The random stream; unused by transforms that are not random. Random transforms are not called for measurements.
    /// </param>
    public abstract void Apply(ImageCanvas image, SeedStream draws);
}

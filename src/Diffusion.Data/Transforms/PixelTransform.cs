namespace Diffusion.Data;

/// <summary>Changes pixels at the size of the set.</summary>
internal abstract class PixelTransform(string name, bool isRandom) : ImageTransform(name, isRandom)
{
    /// <summary>Whether it takes no longer than a copy.</summary>
    public virtual bool IsQuick => false;

    /// <summary>Changes an image.</summary>
    /// <param name="image">The pixels.</param>
    /// <param name="draws">What to draw from; default where nothing is drawn. A random transform is not called for a measurement.</param>
    public abstract void Apply(ImageCanvas image, SeedStream draws);
}

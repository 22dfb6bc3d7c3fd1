namespace Diffusion.Data;

/// <summary>The code of a user's own transform failed. It ends the run: it is a mistake of the code, not of an image.</summary>
internal sealed class ImageTransformException : InvalidOperationException
{
    /// <summary>Names the transform and the image.</summary>
    /// <param name="transform">The transform's name.</param>
    /// <param name="image">What errors call the image; empty where it is not known yet.</param>
    /// <param name="innerException">What the code threw.</param>
    public ImageTransformException(string transform, string image, Exception innerException)
        : base($"The transform '{transform}' failed on {image}: {innerException?.GetType().Name}: {innerException?.Message}",
            innerException)
    {
        ArgumentNullException.ThrowIfNull(innerException);
        Transform = transform;
        Image = image;
    }

    /// <summary>The transform's name.</summary>
    public string Transform { get; }

    /// <summary>What errors call the image.</summary>
    public string Image { get; }

    /// <summary>The same failure, with the image named.</summary>
    internal ImageTransformException On(string image) => new(Transform, image, InnerException!);
}

namespace Diffusion.Data;

/// <summary>The code of a custom transform failed. This ends the run, because the code is wrong, not an image.</summary>
internal sealed class ImageTransformException : InvalidOperationException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="transform">The name of the transform.</param>
    /// <param name="image">The name of the image; empty when it is not known yet.</param>
    /// <param name="innerException">The exception that the code threw.</param>
    public ImageTransformException(string transform, string image, Exception innerException)
        : base($"The transform '{transform}' failed on {image}: {innerException?.GetType().Name}: {innerException?.Message}",
            innerException)
    {
        ArgumentNullException.ThrowIfNull(innerException);
        Transform = transform;
        Image = image;
    }

    /// <summary>The name of the transform.</summary>
    public string Transform { get; }

    /// <summary>The name of the image.</summary>
    public string Image { get; }

    /// <summary>The same error with the name of the image.</summary>
    internal ImageTransformException On(string image) => new(Transform, image, InnerException!);
}

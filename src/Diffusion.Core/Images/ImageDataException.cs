namespace Diffusion;

/// <summary>An image or a file of images cannot be used: it is empty, truncated, too large, of a wrong size, or not an image.</summary>
public sealed class ImageDataException : Exception
{
    /// <summary>Names the file and the reason.</summary>
    /// <param name="path">The file, folder or sample.</param>
    /// <param name="reason">What is wrong, and the remedy where there is one.</param>
    /// <param name="innerException">The error below this one.</param>
    public ImageDataException(string path, string reason, Exception? innerException = null)
        : base($"{path}: {reason}", innerException)
    {
        Path = path;
        Reason = reason;
    }

    /// <summary>The file, folder or sample.</summary>
    public string Path { get; }

    /// <summary>What is wrong, without the path.</summary>
    public string Reason { get; }
}

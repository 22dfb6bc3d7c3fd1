namespace Diffusion;

/// <summary>
/// A diffusers folder cannot be read or written; the message names the file, and any keys.
/// </summary>
public sealed class DiffusersFolderException : IOException
{
    /// <summary>Creates an error with its path and reason.</summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="reason">What is wrong, what was expected, and what to do.</param>
    /// <param name="cause">The exception behind it, or null.</param>
    public DiffusersFolderException(string path, string reason, Exception? cause = null)
        : base($"{path}: {reason}", cause)
    {
        Path = path;
        Reason = reason;
    }

    /// <summary>The file or folder.</summary>
    public string Path { get; }

    /// <summary>What is wrong, what was expected, and what to do.</summary>
    public string Reason { get; }
}

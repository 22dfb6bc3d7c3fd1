namespace Diffusion;

/// <summary>
/// A folder of diffusers that cannot be read or written; the message names the file, and the keys where it is about some.
/// </summary>
public sealed class DiffusersFolderException : IOException
{
    /// <summary>Says where and why.</summary>
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

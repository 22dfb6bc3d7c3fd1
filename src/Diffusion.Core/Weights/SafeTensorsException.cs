namespace Diffusion;

/// <summary>A safetensors file that is damaged, unsafe or not one at all, or tensors that such a file cannot hold.</summary>
public sealed class SafeTensorsException : IOException
{
    /// <summary>Says where and why a file is refused.</summary>
    /// <param name="path">The file.</param>
    /// <param name="reason">What is wrong, and what was expected.</param>
    /// <param name="tensor">The tensor it is about, or null.</param>
    /// <param name="position">The byte in the file, or null.</param>
    /// <param name="cause">The exception behind it, or null.</param>
    public SafeTensorsException(string path, string reason, string? tensor = null, long? position = null, Exception? cause = null)
        : base(Describe(path, reason, tensor, position), cause)
    {
        Path = path;
        Reason = reason;
        Tensor = tensor;
        Position = position;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>What is wrong, and what was expected.</summary>
    public string Reason { get; }

    /// <summary>The name of the tensor it is about, or null.</summary>
    public string? Tensor { get; }

    /// <summary>The byte in the file where it shows, or null.</summary>
    public long? Position { get; }

    /// <summary>The message for whoever names the file already.</summary>
    internal string MessageWithoutPath => Message[Path.Length..].TrimStart(',', ':', ' ');

    private static string Describe(string path, string reason, string? tensor, long? position) =>
        $"{path}{(tensor is null ? "" : $", tensor \"{tensor}\"")}{(position is null ? "" : $", byte {position}")}: {reason}";
}

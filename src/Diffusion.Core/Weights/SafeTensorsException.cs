namespace Diffusion;

/// <summary>A safetensors file is damaged, unsafe or another format, or it cannot hold the tensors.</summary>
public sealed class SafeTensorsException : IOException
{
    /// <summary>Creates an error with its place and reason.</summary>
    /// <param name="path">The file.</param>
    /// <param name="reason">What is wrong, and what was expected.</param>
    /// <param name="tensor">The tensor, or null.</param>
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

    /// <summary>The name of the tensor, or null.</summary>
    public string? Tensor { get; }

    /// <summary>The byte in the file, or null.</summary>
    public long? Position { get; }

    /// <summary>The message for whoever names the file already.</summary>
    internal string MessageWithoutPath => Message[Path.Length..].TrimStart(',', ':', ' ');

    private static string Describe(string path, string reason, string? tensor, long? position) =>
        $"{path}{(tensor is null ? "" : $", tensor \"{tensor}\"")}{(position is null ? "" : $", byte {position}")}: {reason}";
}

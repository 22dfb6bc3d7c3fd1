namespace Diffusion.Training;

/// <summary>One entry of a tar archive.</summary>
/// <param name="Name">Its path, as written, at most 4 KiB.</param>
/// <param name="HeaderOffset">Where its first header begins, an extended one included.</param>
/// <param name="Offset">Where its bytes begin.</param>
/// <param name="Size">How many bytes it has.</param>
/// <param name="IsFile">Whether it is a regular file, and no folder, link or device.</param>
internal readonly record struct TarEntry(string Name, long HeaderOffset, long Offset, long Size, bool IsFile);

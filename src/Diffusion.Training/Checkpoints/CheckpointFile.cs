namespace Diffusion.Training;

/// <summary>A file of a checkpoint, as listed in the manifest.</summary>
/// <param name="Name">The name in the folder of the checkpoint.</param>
/// <param name="Size">The size in bytes.</param>
/// <param name="Sha256">The SHA-256 of the content, as 64 lower-case hexadecimal digits.</param>
public sealed record CheckpointFile(string Name, long Size, string Sha256);

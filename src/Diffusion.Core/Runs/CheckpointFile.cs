namespace Diffusion;

/// <summary>One file of a checkpoint, as its manifest lists it.</summary>
/// <param name="Name">Its name in the folder of the checkpoint.</param>
/// <param name="Size">Its size in bytes.</param>
/// <param name="Sha256">The SHA-256 of its content, 64 lower-case hexadecimal digits.</param>
internal sealed record CheckpointFile(string Name, long Size, string Sha256);

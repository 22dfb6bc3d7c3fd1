namespace Diffusion.Training;

/// <summary>One file of a checkpoint, as its manifest lists it.</summary>
/// <param name="Name">Its name in the checkpoint's folder.</param>
/// <param name="Size">How many bytes it has.</param>
/// <param name="Sha256">Their SHA-256, 64 digits of lower-case hexadecimal.</param>
public sealed record CheckpointFile(string Name, long Size, string Sha256);

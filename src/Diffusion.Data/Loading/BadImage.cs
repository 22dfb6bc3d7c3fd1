namespace Diffusion.Data;

/// <summary>An image that could not be read, and its replacement.</summary>
/// <param name="Position">Its position in the run; for a held-out image, its position in the measured batch.</param>
/// <param name="Index">The index in the source.</param>
/// <param name="Name">The file, or the shard, key and offset.</param>
/// <param name="Reason">Why the image could not be read.</param>
/// <param name="Replacement">The index of the image that replaced it; null when it was skipped.</param>
internal sealed record BadImage(long Position, long Index, string Name, string Reason, long? Replacement);

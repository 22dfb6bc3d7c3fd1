namespace Diffusion.Data;

/// <summary>An image that could not be read, and what was done about it.</summary>
/// <param name="Position">Its place in the whole run; of a held-out image, its place in the batch that was measured.</param>
/// <param name="Index">Its index in the source.</param>
/// <param name="Name">Its file, or its shard, key and offset.</param>
/// <param name="Reason">Why it could not be read.</param>
/// <param name="Replacement">
/// The index of the image that took its place; null when it was skipped, or the place of another bad image.
/// </param>
internal sealed record BadImage(long Position, long Index, string Name, string Reason, long? Replacement);

namespace Diffusion.Data;

/// <summary>What <see cref="ShardOptions.Map"/> makes of a sample.</summary>
/// <param name="Extension">Which of its files is the image.</param>
/// <param name="Label">Its class, 0 or more; null for none.</param>
public readonly record struct ShardImage(string Extension, int? Label);

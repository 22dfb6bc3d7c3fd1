using System.Globalization;

namespace Diffusion.Data;

/// <summary>How images are shuffled, read and moved to the device.</summary>
public sealed record LoadingOptions
{
    /// <summary>
    /// The number of threads that read and decode ahead of training, 0 to 256; with 0, a batch is read when it is requested. The images and
    /// their order do not depend on it. Default null: 0 for a source in memory, otherwise half of the processor's cores, at least 1 and at
    /// most 4.
    /// </summary>
    public int? Workers { get; init; }

    /// <summary>The maximum number of batches read ahead or in work, 1 to 1024. Workers beyond this number stay idle. Default 4.</summary>
    public int Prefetch { get; init; } = 4;

    /// <summary>
    /// Whether an epoch ends with its last full batch. Default false: a batch may contain the last images of an epoch and the first of the
    /// next.
    /// </summary>
    public bool DropLast { get; init; }

    /// <summary>
    /// For a source with groups (shards, row groups), the number of images that are shuffled among each other, at least 1. A larger window
    /// mixes better and uses more groups at the same time; several times the size of a group is good. Default 16,384.
    /// </summary>
    public int ShuffleWindow { get; init; } = BlockOrder.DefaultWindow;

    /// <summary>What to do when an image cannot be read. Default <see cref="BadImagePolicy.Replace"/>.</summary>
    public BadImagePolicy BadImages { get; init; } = BadImagePolicy.Replace;

    /// <summary>
    /// The maximum fraction of images that may be bad before the run ends with an error, 0 to 1. Ten are always allowed. Default 0.01.
    /// </summary>
    public double MaxBadFraction { get; init; } = 0.01;

    /// <summary>All values that are out of range, each with its remedy.</summary>
    internal IReadOnlyList<string> Problems => ((string?[])
    [
        Workers is null or (>= 0 and <= 256) ? null : $"Workers ({Workers}) must be in 0..256. Set it to null for the default.",
        Prefetch is >= 1 and <= 1024 ? null : $"Prefetch ({Prefetch}) must be in 1..1024. Use 4.",
        ShuffleWindow >= 1 ? null : $"ShuffleWindow ({ShuffleWindow}) must be at least 1. Use 16384.",
        Enum.IsDefined(BadImages) ? null : $"BadImages ({BadImages}) must be Throw, Replace or Skip. Use Replace.",
        MaxBadFraction is >= 0 and <= 1
            ? null
            : string.Create(CultureInfo.InvariantCulture, $"MaxBadFraction ({MaxBadFraction}) must be in 0..1. Use 0.01."),
    ]).OfType<string>().ToArray();

    internal int WorkersFor(IImageSource source) => Workers ?? (source.IsInMemory ? 0 : Math.Clamp(Environment.ProcessorCount / 2, 1, 4));
}

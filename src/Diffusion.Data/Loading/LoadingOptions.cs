using System.Globalization;

namespace Diffusion.Data;

/// <summary>How images come from a source to the device.</summary>
public sealed record LoadingOptions
{
    /// <summary>
    /// Threads that read and decode ahead of training, 0 to 256; 0 reads when a batch is asked for. The images and their order are the same
    /// whatever the number. Null, the default: 0 where the source lies in memory, else half of the processor's cores, at least 1 and at
    /// most 4.
    /// </summary>
    public int? Workers { get; init; }

    /// <summary>How many batches may be read ahead or in work, in all, 1 to 1024; no more workers than this find work. Default 4.</summary>
    public int Prefetch { get; init; } = 4;

    /// <summary>
    /// Whether an epoch ends with its last whole batch. Default false: its last images and the next epoch's first share a batch.
    /// </summary>
    public bool DropLast { get; init; }

    /// <summary>
    /// How many images of a source that has groups are shuffled among each other, see <see cref="BlockOrder"/>. Default 16,384.
    /// </summary>
    public int ShuffleWindow { get; init; } = BlockOrder.DefaultWindow;

    /// <summary>What happens when an image cannot be read. Default <see cref="BadImagePolicy.Replace"/>.</summary>
    public BadImagePolicy BadImages { get; init; } = BadImagePolicy.Replace;

    /// <summary>
    /// The largest share of images that may be bad before the run ends with an error, 0 to 1; ten are always allowed. Default 0.01.
    /// </summary>
    public double MaxBadFraction { get; init; } = 0.01;

    /// <summary>Every impossible value, each with its remedy.</summary>
    internal IReadOnlyList<string> Problems => ((string?[])
    [
        Workers is null or (>= 0 and <= 256) ? null : $"Workers ({Workers}) must be in 0..256. Leave it out for the default.",
        Prefetch is >= 1 and <= 1024 ? null : $"Prefetch ({Prefetch}) must be in 1..1024. Use 4.",
        ShuffleWindow >= 1 ? null : $"ShuffleWindow ({ShuffleWindow}) must be at least 1. Use 16384.",
        Enum.IsDefined(BadImages) ? null : $"BadImages ({BadImages}) must be Throw, Replace or Skip. Use Replace.",
        MaxBadFraction is >= 0 and <= 1
            ? null
            : string.Create(CultureInfo.InvariantCulture, $"MaxBadFraction ({MaxBadFraction}) must be in 0..1. Use 0.01."),
    ]).OfType<string>().ToArray();

    internal int WorkersFor(IImageSource source) => Workers ?? (source.IsInMemory ? 0 : Math.Clamp(Environment.ProcessorCount / 2, 1, 4));
}

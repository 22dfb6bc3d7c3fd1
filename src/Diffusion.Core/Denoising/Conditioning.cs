using TorchSharp;

namespace Diffusion;

/// <summary>What a network is conditioned on besides the noisy image and its noise level. The tensors belong to the caller.</summary>
public sealed record Conditioning
{
    /// <summary>No conditioning, for an unconditional model.</summary>
    public static Conditioning None { get; } = new();

    /// <summary>The class of each image, int64 <c>[B]</c>, or null.</summary>
    public torch.Tensor? ClassLabels { get; init; }

    /// <summary>
    /// The labels of the levels at the end of an interval, <c>[B]</c>, for a network that maps images from one level to another, such as a
    /// flow map (Boffi et al. 2024). The label that every network gets is that of the start. Null, the default, for other networks.
    /// </summary>
    public torch.Tensor? EndLabels { get; init; }

    /// <summary>
    /// An earlier estimate of the clean images, <c>[B, C, H, W]</c>, for a self-conditioned model. Null, the default, for none.
    /// </summary>
    public torch.Tensor? EarlierClean { get; init; }

    /// <summary>The conditioning of some of the images.</summary>
    /// <param name="first">The index of the first image.</param>
    /// <param name="count">The number of images.</param>
    /// <returns>Views of the tensors; they belong to the caller.</returns>
    public Conditioning Slice(long first, long count) => new()
    {
        ClassLabels = ClassLabels?.narrow(0, first, count),
        EndLabels = EndLabels?.narrow(0, first, count),
        EarlierClean = EarlierClean?.narrow(0, first, count),
    };

    /// <summary>The conditioning of the images of one batch followed by those of another.</summary>
    /// <param name="first">The conditioning of the first batch.</param>
    /// <param name="second">That of the second: it has the same tensors as the first.</param>
    /// <returns>New tensors; they belong to the caller.</returns>
    /// <exception cref="ArgumentException">Only one of the two has class labels, end labels, or earlier estimates.</exception>
    public static Conditioning Concatenate(Conditioning first, Conditioning second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        return new Conditioning
        {
            ClassLabels = Both(first.ClassLabels, second.ClassLabels, nameof(ClassLabels)),
            EndLabels = Both(first.EndLabels, second.EndLabels, nameof(EndLabels)),
            EarlierClean = Both(first.EarlierClean, second.EarlierClean, nameof(EarlierClean)),
        };

        static torch.Tensor? Both(torch.Tensor? first, torch.Tensor? second, string name) => (first, second) switch
        {
            (null, null) => null,
            ({ } a, { } b) => torch.cat([a, b], 0),
            _ => throw new ArgumentException($"Only one of the two batches has {name}. Give both of them, or none.", nameof(second)),
        };
    }

    /// <summary>Refuses an interval, for a network that gets one label for each image.</summary>
    /// <param name="network">The name of the network.</param>
    /// <exception cref="ArgumentException">There are end labels.</exception>
    internal void RefuseEndLabels(string network)
    {
        if (EndLabels is not null)
        {
            throw new ArgumentException(
                $"The conditioning has {nameof(EndLabels)}, but a {network} gets one label for each image. Leave them null, or use an "
                + $"{nameof(IDiffusionModel)} of your own for intervals.");
        }
    }
}

using static TorchSharp.torch;

namespace Diffusion.Data;

/// <summary>Images and labels that are trained on together. It owns its tensors.</summary>
/// <param name="Pixels">
/// float32 <c>[B, C, H, W]</c> in [-1, 1]; B is 0 where all images of a batch were bad and <see cref="BadImagePolicy.Skip"/> left them out.
/// </param>
/// <param name="Labels">int64 <c>[B]</c> on the CPU; null when the source has no labels.</param>
public sealed record ImageBatch(Tensor Pixels, Tensor? Labels) : IDisposable
{
    /// <summary>The place of each image in the whole run; empty when they were read outside of one.</summary>
    public ReadOnlyMemory<long> Positions { get; init; }

    /// <summary>Reads chosen images without random transforms, for example to measure a loss on held-out images.</summary>
    /// <param name="source">The images.</param>
    /// <param name="indices">The indices of the images in the source, at least one; repeats are allowed.</param>
    /// <returns>The batch, on the CPU; the caller disposes it.</returns>
    /// <exception cref="ImageDataException">
    /// An image cannot be read, a float image has values outside [-1, 1], or a label is out of range.
    /// </exception>
    public static ImageBatch Read(IImageSource source, ReadOnlySpan<long> indices) => new BatchReader(source).Read(indices);

    /// <summary>What a model is told of these images: their classes where it has classes, else nothing.</summary>
    /// <param name="model">The model that is asked.</param>
    /// <param name="device">Where the model is.</param>
    /// <returns>Labels on the device; they belong to the caller.</returns>
    public Conditioning ConditioningOf(IDiffusionModel model, Device device)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.ClassCount is null || Labels is null ? Conditioning.None : new Conditioning { ClassLabels = Labels.to(device) };
    }

    /// <summary>Disposes both tensors.</summary>
    public void Dispose()
    {
        Pixels.Dispose();
        Labels?.Dispose();
    }
}

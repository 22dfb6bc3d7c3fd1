using static TorchSharp.torch;

namespace Diffusion.Data;

/// <summary>A batch of images and labels. Owns its tensors.</summary>
/// <param name="Pixels">
/// float32 <c>[B, C, H, W]</c> in [-1, 1]; B is 0 when <see cref="BadImagePolicy.Skip"/> skipped all images of the batch.
/// </param>
/// <param name="Labels">int64 <c>[B]</c> on the CPU; null when the source has no labels.</param>
public sealed record ImageBatch(Tensor Pixels, Tensor? Labels) : IDisposable
{
    /// <summary>The position of each image in the run; empty when the batch is not part of a run.</summary>
    public ReadOnlyMemory<long> Positions { get; init; }

    /// <summary>Reads chosen images without random transforms, for example to measure a loss on held-out images.</summary>
    /// <param name="source">The images.</param>
    /// <param name="indices">The indices of the images in the source, at least one; repeats are allowed.</param>
    /// <returns>The batch, on the CPU; the caller disposes it.</returns>
    /// <exception cref="ImageDataException">
    /// An image cannot be read, a float image has values outside [-1, 1], or a label is out of range.
    /// </exception>
    public static ImageBatch Read(IImageSource source, ReadOnlySpan<long> indices) => new BatchReader(source).Read(indices);

    /// <summary>
    /// The conditioning of a model for these images: their labels if both the model and the images have classes, otherwise none.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="device">The device of the model.</param>
    /// <returns>The labels on the device; the caller disposes them.</returns>
    public Conditioning ConditioningOf(IDiffusionModel model, Device device)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.ClassCount is null || Labels is null ? Conditioning.None : new Conditioning { ClassLabels = Labels.SendTo(device) };
    }

    /// <summary>Disposes both tensors.</summary>
    public void Dispose()
    {
        Pixels.Dispose();
        Labels?.Dispose();
    }
}

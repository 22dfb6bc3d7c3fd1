using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Images and labels that are trained on together. It owns its tensors.</summary>
/// <param name="Pixels">float32 <c>[B, C, H, W]</c> in [-1, 1] on the CPU.</param>
/// <param name="Labels">int64 <c>[B]</c> on the CPU; null when the source has no labels.</param>
public sealed record ImageBatch(Tensor Pixels, Tensor? Labels) : IDisposable
{
    /// <summary>Disposes both tensors.</summary>
    public void Dispose()
    {
        Pixels.Dispose();
        Labels?.Dispose();
    }
}

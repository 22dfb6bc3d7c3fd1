using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Counts the tensors that each part of the training loop leaves behind.</summary>
internal sealed class TensorLedger
{
    private readonly Dictionary<string, long> left = new(StringComparer.Ordinal);
    private long last = Tensor.TotalCount;

    /// <summary>How many tensors live.</summary>
    public static long Live => Tensor.TotalCount;

    /// <summary>The parts that left more tensors than they took, and how many.</summary>
    public IReadOnlyDictionary<string, long> Left => left.Where(part => part.Value > 0).ToDictionary(StringComparer.Ordinal);

    /// <summary>Ends a part of the loop.</summary>
    /// <param name="part">Its name.</param>
    public void End(string part)
    {
        long now = Tensor.TotalCount;
        if (now != last)
        {
            left[part] = left.GetValueOrDefault(part) + now - last;
            last = now;
        }
    }
}

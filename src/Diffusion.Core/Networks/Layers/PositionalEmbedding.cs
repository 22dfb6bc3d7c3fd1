using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// Sines and cosines of a label at geometrically decreasing frequencies (Vaswani et al. 2017, section 3.5; Ho et al. 2020): frequency
/// i of n is 10000^(-i / (n - shift)). The last of an odd number of channels is zero.
/// </summary>
internal sealed class PositionalEmbedding(int channels, double shift, bool cosinesFirst)
    : nn.Module<Tensor, Tensor>(nameof(PositionalEmbedding))
{
    private static readonly double LogLongestPeriod = Math.Log(10_000);

    /// <summary>Embeds labels <c>[B]</c> as float32 <c>[B, channels]</c>.</summary>
    public override Tensor forward(Tensor labels)
    {
        using DisposeScope scope = NewDisposeScope();
        int half = channels / 2;
        Tensor exponents = PinnedScalars.Counting(half, ScalarType.Float32, labels.device)
            .MultiplyBy(-LogLongestPeriod).DivideBy(half - shift);
        Tensor angles = labels.to(ScalarType.Float32).unsqueeze(1) * exponents.exp_(); // [B, half]
        Tensor embedding = cosinesFirst ? cat([angles.cos(), angles.sin()], 1) : cat([angles.sin(), angles.cos()], 1);
        return (channels % 2 == 0 ? embedding : nn.functional.pad(embedding, (0, 1))).MoveToOuterDisposeScope(); // [B, channels]
    }

    /// <summary>There are no parameters.</summary>
    protected override void RegisterComponents()
    {
    }
}

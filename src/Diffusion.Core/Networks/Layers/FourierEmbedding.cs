using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// Sines and cosines of a label's logarithm at random frequencies that are drawn once and never trained (Tancik et al. 2020; Song et
/// al. 2021). They are a parameter without gradient, so that they are saved with the weights.
/// </summary>
internal sealed class FourierEmbedding : nn.Module<Tensor, Tensor>, IFloat32Layer
{
    private const double Scale = 16;
    private const string Frequencies = "weight";

    public FourierEmbedding(int channels)
        : base(nameof(FourierEmbedding))
    {
        using DisposeScope scope = NewDisposeScope();

        // diffusers draws twice and keeps the second draw; doing the same gives the same network for a seed.
        randn(channels);
        register_parameter(Frequencies, new Parameter(randn(channels).Times(Scale).DetachFromDisposeScope(), requires_grad: false));
    }

    /// <summary>Embeds positive labels <c>[B]</c> as <c>[B, 2 * channels]</c>.</summary>
    public override Tensor forward(Tensor labels)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor logarithms = labels.to(ScalarType.Float32).log().unsqueeze(1); // [B, 1]
        Tensor angles = (logarithms * get_parameter(Frequencies)!.unsqueeze(0)).Times(2).Times(Math.PI); // [B, channels]
        return cat([angles.sin(), angles.cos()], 1).MoveToOuterDisposeScope();
    }

    /// <summary>The parameter is registered in the constructor.</summary>
    protected override void RegisterComponents()
    {
    }
}

using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>Doubles images by repeating pixels, then a 3 x 3 convolution. It has no use for the condition that residual samplers get.</summary>
internal sealed class Upsample : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly Conv2d conv;

    public Upsample(int channels)
        : base(nameof(Upsample)) =>
        register_module("conv", conv = nn.Conv2d(channels, channels, 3, padding: 1));

    /// <summary><c>[B, C, H, W]</c> to <c>[B, C, 2H, 2W]</c>.</summary>
    public override Tensor forward(Tensor x, Tensor condition)
    {
        using Tensor doubled = Resampling.Double.Apply(x);
        return conv.call(doubled);
    }

    /// <summary>The layer is registered in the constructor.</summary>
    protected override void RegisterComponents()
    {
    }
}

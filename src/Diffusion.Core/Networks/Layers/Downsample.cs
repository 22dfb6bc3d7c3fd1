using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>Halves images with a 3 x 3 convolution of stride 2.</summary>
internal sealed class Downsample : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d conv;
    private readonly bool padsOneSide;

    public Downsample(UNet2DOptions options, int channels)
        : base(nameof(Downsample))
    {
        padsOneSide = options.DownsamplePadding == 0;
        register_module("conv", conv = nn.Conv2d(channels, channels, 3, stride: 2, padding: options.DownsamplePadding));
    }

    /// <summary><c>[B, C, H, W]</c> to <c>[B, C, H/2, W/2]</c>.</summary>
    public override Tensor forward(Tensor x)
    {
        if (!padsOneSide)
        {
            return conv.call(x);
        }

        using Tensor padded = nn.functional.pad(x, (0, 1, 0, 1)); // [B, C, H + 1, W + 1]
        return conv.call(padded);
    }

    /// <summary>The layer is registered in the constructor.</summary>
    protected override void RegisterComponents()
    {
    }
}

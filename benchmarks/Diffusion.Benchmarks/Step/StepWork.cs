using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>Counts the floating-point operations of the convolutions and matrix products of a U-Net's training step.</summary>
internal static class StepWork
{
    /// <summary>The operations of a forward and a backward pass, a multiplication and an addition counted as two.</summary>
    /// <param name="network">The network.</param>
    /// <param name="images">Images that it accepts, <c>[B, C, H, W]</c>.</param>
    public static double Of(UNet2D network, Tensor images)
    {
        double forward = 0;
        double first = 0;
        List<Action> removals = [];
        foreach (nn.Module module in network.modules())
        {
            Func<Tensor, double>? work = module switch
            {
                Conv2d layer => output => 2.0 * output.numel() * layer.in_channels * layer.weight.shape[2] * layer.weight.shape[3],
                Linear layer => output => 2.0 * output.numel() * layer.in_features,
                Upsample layer => output => 2.0 * output.numel() * layer.parameters().First().shape[1] * ProductsOfUpsample,
                AttentionBlock layer => output => 2.0 * 2 * layer.Heads * layer.HeadChannels * output.shape[0]
                    * Math.Pow(output.shape[2] * output.shape[3], 2),
                _ => null,
            };
            if (work is not null)
            {
                nn.Module<Tensor, Tensor> layer = (nn.Module<Tensor, Tensor>)module;
                removals.Add(layer.register_forward_hook((_, _, output) =>
                {
                    double own = work(output);
                    first = forward == 0 ? own : first;
                    forward += own;
                    return output;
                }).remove);
            }
        }

        using (no_grad())
        using (DisposeScope scope = NewDisposeScope())
        {
            network.Predict(images, zeros([images.shape[0]], ScalarType.Int64), Conditioning.None);
        }

        removals.ForEach(remove => remove());
        return (3 * forward) - first; // The first convolution needs no gradient of the images.
    }

    // On a CPU, doubling and convolving is one transposed convolution of 4 x 4, each output pixel from 2 x 2 of them.
    private const int ProductsOfUpsample = 4;
}

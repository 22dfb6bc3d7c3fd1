using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Optimization;

/// <summary>
/// Parameters of every kind, with fixed values: convolutions, matrices wide and tall, a fused projection, a table, a normalization, and one
/// that is frozen. It is never called.
/// </summary>
internal sealed class MixedNetwork : nn.Module
{
    public MixedNetwork()
        : base(nameof(MixedNetwork))
    {
        TorchBackend.EnsureLoaded();
        using (GlobalGenerator.Hold(5))
        {
            register_module("conv_in", nn.Conv2d(2, 6, 3));
            register_module("table", nn.Embedding(7, 6));
            register_module("tall", nn.Linear(6, 10));
            register_module("wide", nn.Linear(10, 6, hasBias: false));
            register_module("conv", nn.Conv2d(6, 4, 3));
            register_module("qkv", nn.Linear(5, 12));
            register_module("frozen", nn.Linear(3, 3, hasBias: false));
            register_module("norm", nn.GroupNorm(2, 4));
            register_module("conv_out", nn.Conv2d(4, 2, 3));
        }

        using IDisposable noGradients = no_grad();
        get_parameter("norm.weight")!.fill_(1);
        get_parameter("norm.bias")!.fill_(-0.0f);
        get_parameter("frozen.weight")!.requires_grad = false;
    }
}

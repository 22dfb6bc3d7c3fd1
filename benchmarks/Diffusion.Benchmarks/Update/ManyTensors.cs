using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>
/// 285 parameters, 35.2 M numbers, shaped as in the residual blocks of a U-Net: convolution and its bias, gain and bias of a normalisation, and
/// the weight by which the time embedding enters. They are only ever updated, so the network has no forward pass.
/// </summary>
internal sealed class ManyTensors : nn.Module
{
    private const int Wide = 256;
    private const int Narrow = 128;
    private const int TimeChannels = 512;

    public ManyTensors()
        : base(nameof(ManyTensors))
    {
        (int In, int Out)[] blocks =
            [.. Enumerable.Repeat((Narrow, Narrow), 11), (Wide, Narrow), .. Enumerable.Repeat((Wide, Wide), 45)];
        for (int i = 0; i < blocks.Length; i++)
        {
            (int channelsIn, int channelsOut) = blocks[i];
            Add($"blocks.{i}.conv.weight", channelsOut, channelsIn, 3, 3);
            Add($"blocks.{i}.conv.bias", channelsOut);
            Add($"blocks.{i}.norm.weight", channelsOut);
            Add($"blocks.{i}.norm.bias", channelsOut);
            Add($"blocks.{i}.time.weight", channelsOut, TimeChannels);
        }
    }

    private void Add(string name, params long[] shape) =>
        register_parameter(name.Replace('.', '_'), new Parameter(randn(shape) * 0.05));
}

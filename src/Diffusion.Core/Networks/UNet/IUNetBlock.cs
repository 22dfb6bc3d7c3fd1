using static TorchSharp.torch;

namespace Diffusion;

/// <summary>A level of the network, or its middle, as gradient checkpointing sees it.</summary>
internal interface IUNetBlock
{
    /// <summary>The first module of each layer that can be recomputed, in the order of the forward pass.</summary>
    IEnumerable<nn.Module> Layers { get; }

    /// <summary>Whether one of the layers has attention.</summary>
    bool Attends { get; }
}

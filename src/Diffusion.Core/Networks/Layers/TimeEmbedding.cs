using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>Two linear layers with a SiLU between, which turn an embedded label into the condition of the residual blocks.</summary>
internal sealed class TimeEmbedding : nn.Module<Tensor, Tensor>
{
    private readonly Linear linear1;
    private readonly Linear linear2;

    public TimeEmbedding(int inChannels, int channels)
        : base(nameof(TimeEmbedding))
    {
        register_module("linear_1", linear1 = nn.Linear(inChannels, channels));
        register_module("linear_2", linear2 = nn.Linear(channels, channels));
    }

    /// <summary><c>[B, inChannels]</c> to <c>[B, channels]</c>, in the dtype of the weights.</summary>
    public override Tensor forward(Tensor embedded)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor hidden = linear1.call(embedded.to(linear1.weight.dtype)); // [B, channels]
        return linear2.call(nn.functional.silu(hidden)).MoveToOuterDisposeScope();
    }

    /// <summary>The layers are registered in the constructor.</summary>
    protected override void RegisterComponents()
    {
    }
}

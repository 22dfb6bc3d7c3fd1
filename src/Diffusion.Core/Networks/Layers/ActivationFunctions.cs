using System.Diagnostics;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Diffusion;

/// <summary>The non-linearities by name.</summary>
internal static class ActivationFunctions
{
    /// <summary>Applies an activation; the result belongs to the caller.</summary>
    public static Tensor Apply(this Activation activation, Tensor x) => activation switch
    {
        Activation.Silu => functional.silu(x),
        Activation.Mish => x.mul(functional.logsigmoid(x.neg()).neg().tanh()), // softplus(x) = -log sigmoid(-x)
        Activation.Gelu => functional.gelu(x),
        Activation.Relu => functional.relu(x),
        _ => throw new UnreachableException(),
    };
}

using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>The types of tensors that belong to a precision.</summary>
internal static class PrecisionTypes
{
    /// <summary>The type of the weights and activations of a network in this precision.</summary>
    public static ScalarType TypeOf(Precision precision) => precision switch
    {
        Precision.Float32 => ScalarType.Float32,
        Precision.BFloat16 => ScalarType.BFloat16,
        _ => throw new UnreachableException(),
    };

    /// <summary>Whether it is a type that rounds the weights of a network that trains.</summary>
    public static bool IsRounded(ScalarType? type) => type is ScalarType.BFloat16 or ScalarType.Float16;

    /// <summary>
    /// The type in which a network computes: that of its first rounded parameter, else that of its first one in floating point; null if
    /// there is none.
    /// </summary>
    public static ScalarType? Of(nn.Module network)
    {
        ScalarType? type = null;
        foreach (ScalarType own in network.parameters().Select(parameter => parameter.dtype))
        {
            if (IsRounded(own))
            {
                return own;
            }

            type ??= own is ScalarType.Float32 or ScalarType.Float64 ? own : null;
        }

        return type;
    }
}

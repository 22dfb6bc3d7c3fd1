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

    /// <summary>
    /// The type in which a network computes: that of its first parameter that is not float32, or float32; null without parameters.
    /// </summary>
    public static ScalarType? Of(nn.Module network)
    {
        ScalarType? type = null;
        foreach (ScalarType own in network.parameters().Select(parameter => parameter.dtype))
        {
            if (own != ScalarType.Float32)
            {
                return own;
            }

            type = own;
        }

        return type;
    }
}

using System.Diagnostics;
using System.Runtime.CompilerServices;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>The types of tensors that belong to a precision.</summary>
internal static class PrecisionTypes
{
    private static readonly ConditionalWeakTable<Parameter, StrongBox<ScalarType?>> Known = [];

    /// <summary>The type of the weights and activations of a network in this precision.</summary>
    public static ScalarType TypeOf(Precision precision) => precision switch
    {
        Precision.Float32 or Precision.TensorFloat32 => ScalarType.Float32,
        Precision.Float16 => ScalarType.Float16,
        Precision.BFloat16 => ScalarType.BFloat16,
        _ => throw new UnreachableException(),
    };

    /// <summary>Whether the weights and activations of a network in this precision have 16 bits.</summary>
    public static bool IsHalf(Precision precision) => precision is Precision.BFloat16 or Precision.Float16;

    /// <summary>The bytes of a weight or an activation of a network in this precision.</summary>
    public static int BytesOf(Precision precision) => IsHalf(precision) ? 2 : sizeof(float);

    /// <summary>Whether it is a type that rounds the weights of a network that trains.</summary>
    public static bool IsRounded(ScalarType? type) => type is ScalarType.BFloat16 or ScalarType.Float16;

    /// <summary>
    /// The type in which a network computes: that of its first rounded parameter, else that of its first one in floating point; null if
    /// there is none. Remembered until a conversion replaces the first parameter, or <see cref="ReturnToFloat32"/>.
    /// </summary>
    /// <param name="network">The network.</param>
    /// <param name="first">Its first parameter.</param>
    public static ScalarType? Of(nn.Module network, Parameter first) =>
        Known.GetValue(first, _ => new StrongBox<ScalarType?>(Find(network))).Value;

    /// <inheritdoc cref="Of(nn.Module, Parameter)"/>
    public static ScalarType? Of(nn.Module network) => network.parameters().FirstOrDefault() is { } first ? Of(network, first) : null;

    /// <summary>
    /// Converts a network that is rounded to float32. Where its first parameter was exact, the conversion keeps that object, of which the
    /// type is remembered.
    /// </summary>
    /// <param name="network">The network.</param>
    public static void ReturnToFloat32(nn.Module network)
    {
        network.to(ScalarType.Float32);
        if (network.parameters().FirstOrDefault() is { } first)
        {
            Known.Remove(first);
        }
    }

    private static ScalarType? Find(nn.Module network)
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

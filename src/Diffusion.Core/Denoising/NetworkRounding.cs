using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>Rounds the weights of a network to 16 bits.</summary>
internal static class NetworkRounding
{
    /// <summary>
    /// Converts a network to a precision, except each <see cref="IFloat32Layer"/>. It replaces the parameter objects, as a move to another
    /// device does.
    /// </summary>
    /// <param name="network">The network.</param>
    /// <param name="precision">The precision.</param>
    public static void Round(nn.Module network, Precision precision)
    {
        network.to(PrecisionTypes.TypeOf(precision));
        foreach (nn.Module exact in network.modules().Prepend(network).Where(module => module is IFloat32Layer))
        {
            exact.to(ScalarType.Float32);
        }
    }

    /// <summary>Refuses a precision in which samples cannot be computed.</summary>
    /// <param name="precision">The precision.</param>
    /// <param name="device">The device that computes.</param>
    /// <exception cref="ArgumentException">It is not Float32 or one of 16 bits that the device supports.</exception>
    public static void CheckSampling(Precision precision, ComputeDevice device)
    {
        if (precision != Precision.Float32 && !PrecisionTypes.IsHalf(precision))
        {
            throw new ArgumentException(
                $"Precision ({precision}) must be Float32, BFloat16 or Float16: samples are computed in no other. Use Float32.",
                nameof(precision));
        }

        if (!device.Supports(precision))
        {
            throw new ArgumentException(
                $"Precision ({precision}) must be one that the device supports, but {device} does not. Use Float32, or another device.",
                nameof(precision));
        }
    }
}

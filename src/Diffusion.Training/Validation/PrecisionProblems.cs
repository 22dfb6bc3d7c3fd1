using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Finds the reasons why a run cannot compute in the precision of its options. Each message says what, expected, remedy.</summary>
internal static class PrecisionProblems
{
    /// <summary>Returns all reasons; empty if there are none.</summary>
    /// <param name="options">The options of the run.</param>
    /// <param name="network">The network.</param>
    /// <param name="device">The device; null for the best one.</param>
    public static IEnumerable<string> Of(TrainingOptions options, nn.Module network, ComputeDevice? device)
    {
        if (options.Precision is Precision.Float32 or Precision.Best)
        {
            yield break;
        }

        if (!Enum.IsDefined(options.Precision))
        {
            yield return $"Precision ({options.Precision}) must be one of {string.Join(", ", Enum.GetNames<Precision>())}. Use Float32.";
        }
        else if ((device ?? ComputeDevice.Best) is var used && !used.Supports(options.Precision))
        {
            if (used.Type != DeviceType.CPU || options.Precision == Precision.TensorFloat32)
            {
                yield return $"Precision ({options.Precision}) must be one that the device supports, but {used} does not. Use Float32, or "
                    + "another device.";
            }
            else if (network.named_parameters().FirstOrDefault(p => p.parameter.dim() > 2).name is { } kernel)
            {
                yield return $"Precision ({options.Precision}) must be one in which this processor computes right numbers, but "
                    + "libtorch's convolutions in it were compared with float32 and are wrong here, and the network has some "
                    + $"({kernel}). Use Float32, or a GPU.";
            }
        }
    }
}

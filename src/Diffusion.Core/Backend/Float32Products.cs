using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// How NVIDIA GPUs multiply in float32: exactly or in TF32. libtorch has one switch for all threads and devices of the process, which
/// stays set as long as one training uses it; then the setting from before returns.
/// </summary>
internal sealed class Float32Products : IDisposable
{
    private static readonly Lock Gate = new();
    private static int users;
    private static bool isTensorFloat32;
    private static (bool Products, bool Convolutions) before;
    private bool isDisposed;

    private Float32Products()
    {
    }

    /// <summary>Sets the switch for a training, until the result is disposed.</summary>
    /// <param name="device">Where it computes. Only CUDA devices have the switch.</param>
    /// <param name="precision">What it computes in.</param>
    /// <returns>Null where the switch changes nothing: on other devices, and in 16 bits.</returns>
    /// <exception cref="InvalidOperationException">Another training of this process needs the other setting.</exception>
    public static Float32Products? For(DeviceType device, Precision precision) =>
        device == DeviceType.CUDA && precision is Precision.Float32 or Precision.TensorFloat32
            ? Use(precision == Precision.TensorFloat32)
            : null;

    /// <summary>Whether a training can have a setting now.</summary>
    public static bool IsFree(bool tensorFloat32)
    {
        lock (Gate)
        {
            return users == 0 || isTensorFloat32 == tensorFloat32;
        }
    }

    /// <inheritdoc cref="For"/>
    internal static Float32Products Use(bool tensorFloat32)
    {
        lock (Gate)
        {
            if (users > 0 && isTensorFloat32 != tensorFloat32)
            {
                throw new InvalidOperationException(
                    $"A training in {Name(tensorFloat32)} cannot start, because another one of this process computes in "
                    + $"{Name(isTensorFloat32)}, and libtorch has one switch for the whole process. Use the same precision, BFloat16, or "
                    + "another process.");
            }

            if (users == 0)
            {
                before = (backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32);
                Set((tensorFloat32, tensorFloat32));
                isTensorFloat32 = tensorFloat32;
            }

            users++;
            return new Float32Products();
        }
    }

    /// <summary>Ends the use; the last one restores the setting from before.</summary>
    public void Dispose()
    {
        lock (Gate)
        {
            if (!isDisposed && --users == 0)
            {
                Set(before);
            }

            isDisposed = true;
        }
    }

    private static string Name(bool tensorFloat32) => tensorFloat32 ? nameof(Precision.TensorFloat32) : nameof(Precision.Float32);

    private static void Set((bool Products, bool Convolutions) allowed)
    {
        backends.cuda.matmul.allow_tf32 = allowed.Products;
        backends.cudnn.allow_tf32 = allowed.Convolutions;
    }
}

using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// Copies between the memory of the host and that of a device. To a CUDA device they leave from pinned memory, so that the host waits for
/// nothing; each copy back waits for all work of the device. Both are counted for each thread, on every device, so that a test on a CPU can
/// tell how often a training step would wait.
/// </summary>
internal static class Transfers
{
    [ThreadStatic]
    private static long sent;

    [ThreadStatic]
    private static long read;

    /// <summary>The copies to a device and back that this thread has made.</summary>
    public static (long Sent, long Read) OfThread => (sent, read);

    /// <summary>Copies a tensor of the host to a device. The host does not wait for the copy, unless it is to an MPS device.</summary>
    /// <param name="host">The tensor. The caller may dispose it at once: libtorch reuses pinned memory only after the copy.</param>
    /// <param name="device">The device. On the CPU nothing is copied.</param>
    /// <param name="copy">Whether to copy on the CPU, too. Default false.</param>
    /// <returns>The tensor on the device; it belongs to the caller.</returns>
    public static Tensor SendTo(this Tensor host, Device device, bool copy = false)
    {
        sent++;
        if (device.type != DeviceType.CUDA)
        {
            return host.to(device, copy: copy);
        }

        using Tensor pinned = host.pin_memory(); // itself, if it is pinned already
        return pinned.to(device, non_blocking: true);
    }

    /// <summary>Copies a tensor to the host. Waits for the device.</summary>
    /// <returns>The tensor on the CPU; it belongs to the caller.</returns>
    public static Tensor ToHost(this Tensor tensor)
    {
        read++;
        return tensor.cpu();
    }

    /// <summary>Reads the number of a tensor with one element. Waits for the device.</summary>
    public static T Read<T>(this Tensor number)
        where T : unmanaged
    {
        read++;
        return number.item<T>();
    }
}

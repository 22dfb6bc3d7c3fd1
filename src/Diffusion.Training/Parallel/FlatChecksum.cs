using System.Buffers.Binary;
using System.Security.Cryptography;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Checksums of the bits of tensors.</summary>
internal static class FlatChecksum
{
    private const long PartLength = 1 << 24; // a span has at most 2 GiB

    /// <summary>Returns the first 64 bits of the SHA-256 of a contiguous tensor. Waits for the device.</summary>
    public static long Of(Tensor values)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Tensor flat = values.ToHost().view(-1);
        for (long first = 0; first < flat.shape[0]; first += PartLength)
        {
            using Tensor part = flat.narrow(0, first, Math.Min(PartLength, flat.shape[0] - first));
            hash.AppendData(part.bytes);
        }

        return BinaryPrimitives.ReadInt64LittleEndian(hash.GetHashAndReset());
    }
}

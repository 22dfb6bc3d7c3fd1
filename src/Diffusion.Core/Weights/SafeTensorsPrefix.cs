using System.Buffers.Binary;

namespace Diffusion;

/// <summary>The first bytes of a safetensors file: the length of the header, and the header.</summary>
internal static class SafeTensorsPrefix
{
    /// <summary>Reads and checks everything before the data, with memory in proportion to the header.</summary>
    /// <param name="source">At the first byte; it knows its length, and is left at the first byte of the data.</param>
    /// <param name="name">The name that errors use for it.</param>
    /// <returns>The header, and the place of the first byte of the data.</returns>
    /// <exception cref="SafeTensorsException">The file is damaged, ambiguous, or not safetensors.</exception>
    public static (SafeTensorsHeader Header, long DataStart) ReadHeader(Stream source, string name)
    {
        long length = source.Length;
        if (source.CanSeek && GitLfsPointer.IsPointer(source))
        {
            throw new SafeTensorsException(name, GitLfsPointer.Explanation, position: 0);
        }

        Span<byte> prefix = stackalloc byte[SafeTensorsHeader.PrefixBytes];
        if (source.ReadAtLeast(prefix, prefix.Length, throwOnEndOfStream: false) < prefix.Length)
        {
            throw new SafeTensorsException(name, $"{length} bytes are too few: a file begins with 8 bytes of header length.", position: 0);
        }

        // A valid length may start with a pickle's bytes (640 is 80 02), so only an invalid one is checked for them.
        ulong size = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if ((size > SafeTensorsHeader.MaxBytes || prefix.Length + (long)size > length) && IsPickle(prefix))
        {
            throw new SafeTensorsException(
                name,
                "this is a PyTorch pickle file (.bin, .pt, .ckpt), not safetensors. Loading one can run code that it contains, so it "
                + "is refused. Convert it with Python's safetensors.torch.save_file on a machine where that does not matter.",
                position: 0);
        }

        if (size > SafeTensorsHeader.MaxBytes && prefix[0] == (byte)'{')
        {
            throw new SafeTensorsException(
                name, "this is JSON, not safetensors. If it is the index of several files (.safetensors.index.json), read it with "
                    + "SafeTensorsIndex.", position: 0);
        }

        if (size > SafeTensorsHeader.MaxBytes)
        {
            throw new SafeTensorsException(
                name,
                $"the header length {size} is above {SafeTensorsHeader.MaxBytes}: not a safetensors file, or a damaged one.",
                position: 0);
        }

        long dataStart = prefix.Length + (long)size;
        if (dataStart > length)
        {
            throw new SafeTensorsException(
                name, $"the header should end at byte {dataStart}, but the file ends at {length}: it is truncated.", position: length);
        }

        byte[] json = new byte[size];
        if (source.ReadAtLeast(json, json.Length, throwOnEndOfStream: false) < json.Length)
        {
            throw new SafeTensorsException(name, "the file was truncated while it was read.", position: prefix.Length);
        }

        return (SafeTensorsHeader.Parse(name, json, length - dataStart), dataStart);
    }

    // A zip archive, or a bare pickle of protocol 2.
    private static bool IsPickle(ReadOnlySpan<byte> prefix) =>
        prefix.StartsWith("PK\x03\x04"u8) || prefix.StartsWith((ReadOnlySpan<byte>)[0x80, 0x02]);
}

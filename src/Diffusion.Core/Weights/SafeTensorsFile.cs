using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// Reads and writes safetensors: files of named tensors that cannot contain code. Bytes are copied directly between the file and the
/// tensors' memory.
/// </summary>
/// <remarks>
/// The format: 8 bytes of header length, a JSON header with each tensor's dtype, shape and offsets, then the data without gaps.
/// </remarks>
public static class SafeTensorsFile
{
    /// <summary>
    /// Writes a file, or replaces an existing one. It is written under another name and renamed when it is complete, so that a failure
    /// leaves an existing file unchanged.
    /// </summary>
    /// <param name="path">The file to write; its folder must exist.</param>
    /// <param name="tensors">
    /// Tensors by unique name, on any device and in any layout; dtypes F64, F32, F16, BF16, I64, I32, I16, I8, U8 and BOOL. They stay
    /// the caller's.
    /// </param>
    /// <param name="metadata">Free text; written in the order of its keys.</param>
    /// <exception cref="SafeTensorsException">A name, dtype or shape that such a file cannot hold; nothing is written.</exception>
    /// <exception cref="IOException">It cannot be written, for instance because the disk is full.</exception>
    public static void Write(
        string path, IEnumerable<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(tensors);
        TorchBackend.EnsureLoaded();
        SafeTensorsLayout layout = SafeTensorsLayout.Of(path, tensors, metadata);
        AtomicFile.Write(path, layout.Header.Length + layout.DataBytes, file => Write(file, layout));
    }

    /// <summary>Writes a file's bytes to a stream in order, without seeking.</summary>
    /// <param name="destination">The stream; it stays the caller's.</param>
    /// <param name="name">The name that errors use for it.</param>
    /// <param name="tensors">As above.</param>
    /// <param name="metadata">As above.</param>
    /// <exception cref="SafeTensorsException">A name, dtype or shape that such a file cannot hold; nothing is written.</exception>
    public static void WriteTo(
        Stream destination, string name, IEnumerable<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string,
            string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(destination);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(tensors);
        TorchBackend.EnsureLoaded();
        Write(destination, SafeTensorsLayout.Of(name, tensors, metadata));
    }

    /// <summary>Reads a whole file. Every size is checked against the file's before memory is allocated.</summary>
    /// <param name="path">The file to read.</param>
    /// <returns>Its tensors and metadata; it belongs to the caller, who disposes it.</returns>
    /// <exception cref="SafeTensorsException">The file is damaged, ambiguous, or not safetensors.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static SafeTensors Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using FileStream file = new(path, new FileStreamOptions { BufferSize = 0 });
        return ReadFrom(file, path);
    }

    /// <summary>Reads a file's bytes from a stream in order, directly into the tensors.</summary>
    /// <param name="source">At the first byte; it knows its length, is read to its end, and stays the caller's.</param>
    /// <param name="name">The name that errors use for it.</param>
    /// <returns>As above.</returns>
    /// <exception cref="SafeTensorsException">As above.</exception>
    public static SafeTensors ReadFrom(Stream source, string name)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentException.ThrowIfNullOrEmpty(name);
        TorchBackend.EnsureLoaded();
        (SafeTensorsHeader header, long dataStart) = SafeTensorsPrefix.ReadHeader(source, name);
        Dictionary<string, Tensor> tensors = new(StringComparer.Ordinal);
        try
        {
            foreach (SafeTensorsEntry entry in header.Entries)
            {
                Tensor tensor = empty(entry.Shape, entry.Dtype).DetachFromDisposeScope();
                tensors.Add(entry.Name, tensor);
                TensorMemory.ForEachPiece(tensor, (piece, offset) => Fill(name, source, piece, dataStart + entry.Begin + offset, entry));
            }
        }
        catch
        {
            foreach (Tensor tensor in tensors.Values)
            {
                tensor.Dispose();
            }

            throw;
        }

        return new SafeTensors(tensors, header.Metadata);
    }

    private static void Write(Stream destination, SafeTensorsLayout layout)
    {
        destination.Write(layout.Header);
        foreach (Tensor tensor in layout.Tensors)
        {
            using Tensor detached = tensor.detach();
            using Tensor onCpu = detached.cpu();
            using Tensor contiguous = onCpu.contiguous();
            TensorMemory.ForEachPiece(contiguous, (piece, _) => destination.Write(piece));
        }
    }

    private static void Fill(string name, Stream source, Span<byte> memory, long position, SafeTensorsEntry entry)
    {
        int read = source.ReadAtLeast(memory, memory.Length, throwOnEndOfStream: false);
        if (read < memory.Length)
        {
            throw new SafeTensorsException(name, "the file was truncated while it was read.", entry.Name, position + read);
        }

        if (entry.Dtype == ScalarType.Bool)
        {
            // A bool byte other than 0 and 1 is undefined behavior in native code.
            foreach (ref byte value in memory)
            {
                value = value == 0 ? (byte)0 : (byte)1;
            }
        }
    }
}

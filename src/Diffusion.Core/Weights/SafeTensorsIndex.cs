using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// Reads and writes tensors in several safetensors files with an index, as Hugging Face's libraries do:
/// <c>model.safetensors.index.json</c> says which tensor is in which of <c>model-00001-of-00002.safetensors</c> and so on.
/// </summary>
public static class SafeTensorsIndex
{
    private const string Ending = ".safetensors.index.json";

    /// <summary>Reads all files that an index names.</summary>
    /// <param name="path">The index.</param>
    /// <returns>All tensors, and the metadata of the first file by name; it belongs to the caller, who disposes it.</returns>
    /// <exception cref="SafeTensorsException">
    /// The index or a file is damaged or ambiguous, names a file outside the folder, or does not fit the other: a tensor or file is
    /// missing, a file holds a tensor that the index assigns to another, or <c>total_size</c> is not the tensors' bytes.
    /// </exception>
    /// <exception cref="FileNotFoundException">There is no such index.</exception>
    public static SafeTensors Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        SafeTensorsMap map = SafeTensorsMap.Read(path);
        Dictionary<string, Tensor> tensors = new(StringComparer.Ordinal);
        IReadOnlyDictionary<string, string>? metadata = null;
        try
        {
            foreach (string file in map.Files)
            {
                SafeTensors part = ReadPart(path, file);
                metadata ??= part.Metadata;
                Add(path, map, file, part, tensors);
            }

            map.Check(path, tensors);
            return new SafeTensors(tensors, metadata!);
        }
        catch
        {
            foreach (Tensor tensor in tensors.Values)
            {
                tensor.Dispose();
            }

            throw;
        }
    }

    /// <summary>
    /// Writes files and then their index. Each file appears whole or not at all, but they do not appear together: write to an empty folder.
    /// </summary>
    /// <param name="path">
    /// The index; its name ends with <c>.safetensors.index.json</c>, and the files' names start with the rest.
    /// </param>
    /// <param name="tensors">
    /// Tensors by unique name, as for <see cref="SafeTensorsFile"/>; they are distributed over the files in order.
    /// </param>
    /// <param name="maxFileBytes">The maximum bytes of tensors in a file, at least 1; a larger tensor gets its own file.</param>
    /// <param name="metadata">Free text, written to each file.</param>
    /// <exception cref="ArgumentException">The path has another ending, or there are no tensors.</exception>
    /// <exception cref="SafeTensorsException">A name, dtype or shape that such a file cannot hold; no index is written.</exception>
    public static void Write(
        string path, IEnumerable<KeyValuePair<string, Tensor>> tensors, long maxFileBytes, IReadOnlyDictionary<string,
            string>? metadata = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(tensors);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxFileBytes, 1);
        if (!path.EndsWith(Ending, StringComparison.Ordinal))
        {
            throw new ArgumentException($"The index is {path}, but its name must end with {Ending}.", nameof(path));
        }

        KeyValuePair<string, Tensor>[] all = [.. tensors];
        _ = SafeTensorsLayout.Of(path, all, metadata); // Also refuses names that occur twice in different files.
        List<List<KeyValuePair<string, Tensor>>> parts = Split(all, maxFileBytes);
        if (parts.Count == 0)
        {
            throw new ArgumentException("There are no tensors, and an index names at least one.", nameof(tensors));
        }

        string stem = path[..^Ending.Length];
        Dictionary<string, string> map = new(StringComparer.Ordinal);
        for (int i = 0; i < parts.Count; i++)
        {
            string file = $"{stem}-{i + 1:D5}-of-{parts.Count:D5}{SafeTensorsMap.Extension}";
            SafeTensorsFile.Write(file, parts[i], metadata);
            parts[i].ForEach(tensor => map.Add(tensor.Key, Path.GetFileName(file)));
        }

        new SafeTensorsMap(map, all.Sum(tensor => BytesOf(tensor.Value))).Write(path);
    }

    /// <summary>The size of a tensor in a file, in bytes.</summary>
    internal static long BytesOf(Tensor tensor) => SafeTensorsEntry.Bytes(tensor.shape, tensor.dtype);

    private static SafeTensors ReadPart(string path, string file)
    {
        try
        {
            return SafeTensorsFile.Read(Path.Combine(Path.GetDirectoryName(path)!, file));
        }
        catch (FileNotFoundException e)
        {
            throw new SafeTensorsException(path, $"weight_map names {file}, which is not beside it.", cause: e);
        }
    }

    private static void Add(string path, SafeTensorsMap map, string file, SafeTensors part, Dictionary<string, Tensor> tensors)
    {
        if (part.Tensors.Keys.FirstOrDefault(name => map.FileOf(name) != file) is { } foreign)
        {
            part.Dispose();
            throw new SafeTensorsException(path, $"{file} holds {foreign}, but weight_map does not say so.");
        }

        foreach ((string name, Tensor tensor) in part.Tensors)
        {
            tensors.Add(name, tensor);
        }
    }

    private static List<List<KeyValuePair<string, Tensor>>> Split(KeyValuePair<string, Tensor>[] all, long maxFileBytes)
    {
        List<List<KeyValuePair<string, Tensor>>> parts = [];
        long room = -1;
        foreach (KeyValuePair<string, Tensor> tensor in all)
        {
            long bytes = BytesOf(tensor.Value);
            if (room < bytes || parts.Count == 0)
            {
                parts.Add([]);
                room = maxFileBytes;
            }

            parts[^1].Add(tensor);
            room -= bytes;
        }

        return parts;
    }
}

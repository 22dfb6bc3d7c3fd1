using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// The weights of a network on disk: a safetensors file, the index of several, or the folder of a diffusers network or pipeline. It owns
/// the tensors.
/// </summary>
internal sealed class StoredWeights : IDisposable
{
    private const string IndexEnding = ".json";

    private readonly IDisposable owner;

    private StoredWeights(IDisposable owner, IReadOnlyDictionary<string, Tensor> tensors, string? description)
    {
        this.owner = owner;
        Tensors = tensors;
        Description = description;
    }

    /// <summary>The weights by their stored names.</summary>
    public IReadOnlyDictionary<string, Tensor> Tensors { get; }

    /// <summary>The <see cref="IDiffusionModel.Description"/> of the network that a folder configures; null for a file.</summary>
    public string? Description { get; }

    /// <summary>Reads them.</summary>
    /// <exception cref="IOException">They are missing or damaged; the message names the file.</exception>
    /// <exception cref="DiffusersFolderException">A folder has none, or unsupported ones; the message names the file.</exception>
    public static StoredWeights Read(string path)
    {
        if (Directory.Exists(path))
        {
            string folder = DiffusersFolder.UNetOf(path);
            string? description = DiffusersFolder.TryReadConfig(folder)?.Description;
            DiffusersWeights weights = DiffusersWeights.Read(folder);
            return new StoredWeights(weights, weights.Tensors, description);
        }

        bool isIndex = path.EndsWith(IndexEnding, StringComparison.OrdinalIgnoreCase);
        SafeTensors content = isIndex ? SafeTensorsIndex.Read(path) : SafeTensorsFile.Read(path);
        return new StoredWeights(content, content.Tensors, description: null);
    }

    public void Dispose() => owner.Dispose();
}

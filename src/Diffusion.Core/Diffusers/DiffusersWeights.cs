using static TorchSharp.torch;

namespace Diffusion;

/// <summary>The weights in a network's folder: one safetensors file, or several with an index. It owns the tensors.</summary>
internal sealed class DiffusersWeights : IDisposable
{
    /// <summary>The file that holds all weights.</summary>
    public const string FileName = "diffusion_pytorch_model.safetensors";

    private const string IndexName = FileName + ".index.json";
    private const string PickleName = "diffusion_pytorch_model.bin";

    private readonly SafeTensors content;

    private DiffusersWeights(string path, SafeTensors content)
    {
        Path = path;
        this.content = content;
    }

    /// <summary>The file, or the index of several, for messages.</summary>
    public string Path { get; }

    public IReadOnlyDictionary<string, Tensor> Tensors => content.Tensors;

    /// <summary>The notes of whoever wrote them.</summary>
    public IReadOnlyDictionary<string, string> Notes => content.Metadata;

    /// <summary>Reads the weights.</summary>
    /// <exception cref="DiffusersFolderException">They are missing or damaged; the message names the file.</exception>
    public static DiffusersWeights Read(string folder)
    {
        string single = System.IO.Path.Combine(folder, FileName);
        string index = System.IO.Path.Combine(folder, IndexName);
        bool isSingle = File.Exists(single);
        bool isParted = File.Exists(index);
        if (isSingle == isParted)
        {
            throw isSingle
                ? new DiffusersFolderException(folder, $"there are both {FileName} and {IndexName}. Delete the one that is out of date.")
                : Missing(folder);
        }

        string path = isSingle ? single : index;
        try
        {
            return new DiffusersWeights(path, isSingle ? SafeTensorsFile.Read(path) : SafeTensorsIndex.Read(path));
        }
        catch (SafeTensorsException e)
        {
            throw new DiffusersFolderException(e.Path, e.MessageWithoutPath, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DiffusersFolderException(path, $"it cannot be read: {e.Message}", e);
        }
    }

    public void Dispose() => content.Dispose();

    private static DiffusersFolderException Missing(string folder)
    {
        if (File.Exists(System.IO.Path.Combine(folder, PickleName)))
        {
            return new DiffusersFolderException(
                folder,
                $"the weights exist only as {PickleName}, a Python pickle, which can run its author's code when it is loaded, and is "
                + $"therefore not read. Write {FileName} once, in Python: from diffusers import UNet2DModel; "
                + $"UNet2DModel.from_pretrained(\"{folder}\", use_safetensors=False).save_pretrained(\"{folder}\")");
        }

        string[] others = [.. Directory.GetFiles(folder, "*.safetensors").Select(file => System.IO.Path.GetFileName(file)!)
            .Order(StringComparer.Ordinal)];
        return new DiffusersFolderException(
            folder,
            $"there is neither {FileName} nor {IndexName}."
            + (others.Length == 0 ? string.Empty : $" Rename the right one of these files: {string.Join(", ", others.Take(10))}."));
    }
}

using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Weights that a run starts from.</summary>
internal static class InitialWeights
{
    /// <summary>Copies weights from a file or folder into those of a network.</summary>
    /// <param name="weights">The weights of the network, by name.</param>
    /// <param name="model">The network.</param>
    /// <param name="path">A safetensors file, the index of several, or a folder of diffusers.</param>
    /// <exception cref="CheckpointException">They cannot be read or do not fit; nothing was changed.</exception>
    public static void CopyInto(IReadOnlyDictionary<string, Tensor> weights, IDiffusionModel model, string path)
    {
        try
        {
            if (CheckpointReader.IsCheckpoint(path))
            {
                throw new IOException(
                    $"it is a checkpoint. Name a file in it: {CheckpointFormat.FirstEmaFile} for the averaged weights, or "
                        + $"{CheckpointFormat.WeightsFile}.");
            }

            using StoredWeights initial = StoredWeights.Read(path);
            if (initial.Options is { } described && model is UNet2D unet
                && OtherNetwork(described, unet.Options) is { Length: > 0 } differences)
            {
                throw new ArgumentException(
                    $"its config.json describes another network: {differences}. Build the network with these options, or name the file of "
                        + $"weights alone "
                    + "to take them all the same.");
            }

            NamedWeights.CopyInto(weights, initial.Tensors, model is UNet2D ? LegacyWeightNames.ToCurrent : null);
        }
        catch (Exception error) when (error is ArgumentException or IOException or UnauthorizedAccessException)
        {
            string reason = error is SafeTensorsException damage && damage.Path == path ? damage.MessageWithoutPath : error.Message;
            throw new CheckpointException(
                $"Training cannot start from '{path}': {reason} Name a safetensors file of this network, the index of its parts, or a "
                    + $"folder of diffusers, or leave "
                + "InitialWeights out.", error);
        }
    }

    // What changes an answer of the network, and shows in no shape.
    private static string OtherNetwork(UNet2DOptions described, UNet2DOptions mine) => string.Join(
        ", ",
        JsonDifferences.Of(Json(described), Json(mine))
            .Select(difference => $"{difference.Name} is {difference.First} there and {difference.Second} here"));

    private static JsonObject Json(UNet2DOptions options) =>
        JsonNode.Parse((options with { SampleSize = null, Dropout = 0 }).ToJson())!.AsObject();
}

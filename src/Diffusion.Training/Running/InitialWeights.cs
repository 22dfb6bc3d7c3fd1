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
            if (CheckpointFiles.IsCheckpoint(path))
            {
                throw new IOException(
                    $"it is a checkpoint. Name a file in it: {CheckpointFormat.FirstEmaFile} for the averaged weights, or "
                        + $"{CheckpointFiles.Weights}.");
            }

            using StoredWeights initial = StoredWeights.Read(path);
            IStoredNetwork? network = model as IStoredNetwork;
            if (initial.Description is { } described && network is not null
                && Differences(network.ArchitectureOf(described), network.ArchitectureOf(model.Description)) is { Length: > 0 } differences)
            {
                throw new ArgumentException(
                    $"its config.json describes another network: {differences}. Build the network with these options, or name the file of "
                    + "weights alone to take them all the same.");
            }

            NamedWeights.CopyInto(weights, initial.Tensors, network is null ? null : network.CurrentName);
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

    // Options that change the network's output without changing the shape of a weight.
    private static string Differences(string described, string mine) => string.Join(
        ", ",
        JsonDifferences.Of(JsonNode.Parse(described)!.AsObject(), JsonNode.Parse(mine)!.AsObject())
            .Select(difference => $"{difference.Name} is {difference.First} there and {difference.Second} here"));
}

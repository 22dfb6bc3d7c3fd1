using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>The weights that a run starts from.</summary>
internal static class InitialWeights
{
    /// <summary>Copies weights from a file or folder into a network.</summary>
    /// <param name="weights">The weights of the network, by name.</param>
    /// <param name="model">The network.</param>
    /// <param name="path">A safetensors file, the index of a sharded safetensors file, or a diffusers folder.</param>
    /// <exception cref="CheckpointException">The weights cannot be read or do not fit. Nothing changed.</exception>
    public static void CopyInto(IReadOnlyDictionary<string, Tensor> weights, IDiffusionModel model, string path)
    {
        try
        {
            if (CheckpointFiles.IsCheckpoint(path))
            {
                throw new IOException(
                    $"it is a checkpoint. Use a file in it: {CheckpointFormat.FirstEmaFile} for the averaged weights, or "
                        + $"{CheckpointFiles.Weights}.");
            }

            using StoredWeights initial = StoredWeights.Read(path);
            IStoredNetwork? network = model as IStoredNetwork;
            if (initial.Description is { } described && network is not null
                && Differences(network.ArchitectureOf(described), network.ArchitectureOf(model.Description)) is { Length: > 0 } differences)
            {
                throw new ArgumentException(
                    $"its config.json describes another network: {differences}. Create the network with these options, or use the path of "
                    + "the weight file itself to ignore the differences.");
            }

            NamedWeights.CopyInto(weights, initial.Tensors, network is null ? null : network.CurrentName);
        }
        catch (Exception error) when (error is ArgumentException or IOException or UnauthorizedAccessException)
        {
            string reason = error is SafeTensorsException damage && damage.Path == path ? damage.MessageWithoutPath : error.Message;
            throw new CheckpointException(
                $"Training cannot start from '{path}': {reason} Use a safetensors file of this network, the index of its shards, or a "
                + "diffusers folder, or leave InitialWeights out.", error);
        }
    }

    // Covers options that change the output of the network but not the shape of any weight.
    private static string Differences(string described, string current) => string.Join(
        ", ",
        JsonDifferences.Of(JsonNode.Parse(described)!.AsObject(), JsonNode.Parse(current)!.AsObject())
            .Select(difference => $"{difference.Name} is {difference.First} there and {difference.Second} here"));
}

using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// Checks that a configuration can belong to weights before a network is built from it: a few weights bound the size of all others, so
/// that no configuration creates a network larger than its weights.
/// </summary>
internal static class DiffusersFit
{
    private const int WeightsPerResnet = 10;

    /// <summary>The reason why it cannot, or null.</summary>
    public static string? Problem(UNet2DOptions options, IReadOnlyDictionary<string, Tensor> weights)
    {
        long resnets = (long)options.BlockOutChannels.Count * ((2L * options.LayersPerBlock) + 1);
        if (resnets * WeightsPerResnet > weights.Count)
        {
            return $"the configuration asks for {resnets} residual blocks, but there are only {weights.Count} weights. Both must be "
                + $"of one model.";
        }

        foreach ((string name, long[] shape) in Bounding(options))
        {
            if (!weights.TryGetValue(name, out Tensor? weight) || !weight.shape.AsSpan().SequenceEqual(shape))
            {
                string there = weight is null ? "is missing" : $"is {Guard.Text(weight)}";
                return $"the configuration asks for {name} [{string.Join(", ", shape)}], but it {there}. "
                    + "Both must belong to the same model.";
            }
        }

        return null;
    }

    private static IEnumerable<(string Name, long[] Shape)> Bounding(UNet2DOptions options)
    {
        IReadOnlyList<int> channels = options.BlockOutChannels;
        yield return ("conv_in.weight", [channels[0], options.InChannels, 3, 3]);
        yield return ("conv_out.weight", [options.OutChannels, channels[0], 3, 3]);
        yield return ("time_embedding.linear_2.weight", [options.TimeChannels, options.TimeChannels]);
        if (options is { TimeEmbeddingType: TimeEmbeddingType.Learned, NumTrainTimesteps: { } labels })
        {
            yield return ("time_proj.weight", [labels, channels[0]]);
        }

        if (options is { ClassEmbedType: null, NumClassEmbeds: { } classes })
        {
            yield return ("class_embedding.weight", [classes, options.TimeChannels]);
        }

        for (int level = 0; level < channels.Count; level++)
        {
            yield return ($"down_blocks.{level}.resnets.0.conv2.weight", [channels[level], channels[level], 3, 3]);
        }
    }
}

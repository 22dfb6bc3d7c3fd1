using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// Converts a network with <see cref="UNet2DOptions.AttentionLegacyOrder"/> to the same network without it by reordering the rows of its
/// attention weights. Released versions of diffusers ignore the option.
/// </summary>
internal static class LegacyAttentionOrder
{
    private static readonly string[] Projections = ["to_q", "to_k", "to_v"];

    /// <summary>The options of the network without it.</summary>
    public static UNet2DOptions Without(UNet2DOptions options) => options.AttentionLegacyOrder
        ? options with { AttentionLegacyOrder = false, AttnNormNumGroups = options.NormNumGroups }
        : options;

    /// <summary>The weights of the network without it, in the same order. New tensors belong to the caller's scope.</summary>
    public static IReadOnlyList<KeyValuePair<string, Tensor>> WeightsWithout(UNet2D unet)
    {
        Dictionary<string, Tensor> moved = new(StringComparer.Ordinal);
        foreach ((string name, nn.Module module) in unet.named_modules())
        {
            if (module is AttentionBlock { HeadsFirst: true } attention)
            {
                Move(name, attention, moved);
            }
        }

        return [.. unet.NamedTensors().Select(weight => KeyValuePair.Create(weight.Key,
            moved.GetValueOrDefault(weight.Key, weight.Value)))];
    }

    private static void Move(string name, AttentionBlock attention, Dictionary<string, Tensor> moved)
    {
        using IDisposable noGradients = no_grad();
        foreach (string kind in (string[])["weight", "bias"])
        {
            Tensor[] parts = [.. Projections.Select(projection => (Tensor)attention.get_parameter($"{projection}.{kind}")!)];
            Tensor all = cat(parts, 0); // [heads * 3 * headChannels, ...]
            Tensor byHead = all.view([attention.Heads, parts.Length, attention.HeadChannels, .. all.shape[1..]]);
            for (int part = 0; part < parts.Length; part++)
            {
                moved[$"{name}.{Projections[part]}.{kind}"] = byHead.select(1, part).reshape(parts[part].shape);
            }
        }
    }
}

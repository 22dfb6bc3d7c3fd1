using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// The prefix that wrappers add to the name of every weight: <c>module.</c> (data parallel), <c>_orig_mod.</c> (compiled), <c>model.</c>,
/// <c>ema_model.</c>, <c>unet.</c>, or several of them.
/// </summary>
internal static class SharedPrefix
{
    /// <summary>The longest common prefix of all names that ends in a dot; empty if there is none.</summary>
    public static string Of(IEnumerable<string> names)
    {
        string? shared = null;
        foreach (string name in names)
        {
            shared = shared is null ? name : shared[..shared.AsSpan().CommonPrefixLength(name)];
        }

        return shared is null ? string.Empty : shared[..(shared.LastIndexOf('.') + 1)];
    }

    /// <summary>
    /// The parts of a shared prefix that end in a dot, from the longest to the shortest: <c>module.unet.</c> and <c>module.</c>.
    /// </summary>
    public static IEnumerable<string> PartsOf(string prefix)
    {
        for (int length = prefix.Length; length > 0; length = prefix.LastIndexOf('.', length - 2) + 1)
        {
            yield return prefix[..length];
            if (length < 2)
            {
                yield break;
            }
        }
    }

    /// <summary>The weights without the prefix of all their names; the same tensors.</summary>
    public static IReadOnlyDictionary<string, Tensor> Strip(IReadOnlyDictionary<string, Tensor> weights)
    {
        int length = Of(weights.Keys).Length;
        return length == 0 ? weights : weights.ToDictionary(weight => weight.Key[length..], weight => weight.Value, StringComparer.Ordinal);
    }
}

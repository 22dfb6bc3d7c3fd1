using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>The parameters that Muon trains, as matrices.</summary>
internal static class MuonMatrices
{
    /// <summary>The fused projections that are known by their names, and of how many matrices they consist.</summary>
    public static IReadOnlyDictionary<string, int> UsualFused { get; } = new Dictionary<string, int>(StringComparer.Ordinal)
    {
        ["*qkv.weight"] = 3, ["*in_proj_weight"] = 3, ["*kv.weight"] = 2,
    };

    /// <summary>
    /// The trained matrices and convolutions of the network, without its first and last one, and without tables of embeddings. The first
    /// and the last one may be frozen.
    /// </summary>
    /// <param name="all">All parameters.</param>
    public static IEnumerable<FlatEntry> Hidden(IEnumerable<FlatEntry> all) => all
        .Where(entry => entry is { Group: not ParameterGroup.Objective, Shape.Count: >= 2, IsTable: false })
        .OrderBy(entry => entry.Place).Skip(1).SkipLast(1)
        .Where(entry => entry.Group != ParameterGroup.Frozen)
        .OrderBy(entry => entry.Offset);

    /// <summary>The matrices <c>[out, in]</c> of a parameter, with at most as many rows as columns, as views of a flat buffer.</summary>
    /// <param name="flat">The buffer.</param>
    /// <param name="entry">The parameter: <c>[out, in]</c>, or <c>[out, in, height, width]</c> of a convolution.</param>
    /// <param name="fused">The number of matrices of a parameter, by the pattern of its name.</param>
    /// <returns>Views, which belong to the caller.</returns>
    public static IEnumerable<Tensor> Of(Tensor flat, FlatEntry entry, IReadOnlyDictionary<string, int> fused)
    {
        int count = fused.Where(each => NamePattern.Fits(each.Key, entry.Name) && entry.Shape[0] % each.Value == 0)
            .Select(each => each.Value).FirstOrDefault(1);
        long part = entry.Length / count;
        for (int i = 0; i < count; i++)
        {
            using Tensor whole = flat.narrow(0, entry.Offset + (i * part), part);
            Tensor matrix = whole.view(entry.Shape[0] / count, -1); // [out / count, in]
            if (matrix.shape[0] <= matrix.shape[1])
            {
                yield return matrix;
                continue;
            }

            using (matrix)
            {
                yield return matrix.t(); // [in, out / count]
            }
        }
    }
}

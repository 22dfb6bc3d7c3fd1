using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>Copies weights by name into tensors, all or nothing.</summary>
internal static class NamedWeights
{
    /// <summary>Copies every source into the target of its name, converting dtype and device.</summary>
    /// <param name="targets">What is overwritten.</param>
    /// <param name="sources">Exactly one tensor for each target.</param>
    /// <param name="rename">The target's name for a source's.</param>
    /// <exception cref="ArgumentException">The sources do not fit; the message lists every misfit, and nothing was changed.</exception>
    public static void CopyInto(
        IReadOnlyList<KeyValuePair<string, Tensor>> targets, IReadOnlyDictionary<string, Tensor> sources, Func<string, string> rename)
    {
        ILookup<string, KeyValuePair<string, Tensor>> byTarget = sources.ToLookup(s => rename(s.Key), StringComparer.Ordinal);
        HashSet<string> known = [.. targets.Select(t => t.Key)];
        List<string> misfits =
        [
            .. targets.SelectMany(t => Misfits(t.Key, t.Value, [.. byTarget[t.Key]])),
            .. sources.Keys.Where(name => !known.Contains(rename(name))).Select(name => $"unexpected: {name}"),
        ];
        if (misfits.Count > 0)
        {
            throw new ArgumentException(
                $"These weights belong to another network; nothing was loaded:{Environment.NewLine}- "
                + string.Join($"{Environment.NewLine}- ", misfits));
        }

        using IDisposable noGradients = no_grad();
        foreach ((string name, Tensor target) in targets)
        {
            target.copy_(byTarget[name].Single().Value);
        }
    }

    private static IEnumerable<string> Misfits(string name, Tensor target, KeyValuePair<string, Tensor>[] sources)
    {
        if (sources.Length != 1)
        {
            yield return sources.Length == 0
                ? $"missing: {name} {Guard.Text(target)}"
                : $"more than one for {name}: {string.Join(", ", sources.Select(s => s.Key))}";
            yield break;
        }

        Tensor source = sources[0].Value;
        if (!source.shape.AsSpan().SequenceEqual(target.shape))
        {
            yield return $"wrong shape: {sources[0].Key} is {Guard.Text(source)}, but must be {Guard.Text(target)}";
        }

        if (!source.is_floating_point())
        {
            yield return $"wrong dtype: {sources[0].Key} is {source.dtype}, but must be floating point";
        }
    }
}

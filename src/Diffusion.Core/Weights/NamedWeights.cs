using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>Copies weights by name into tensors, all or nothing.</summary>
public static class NamedWeights
{
    private const int MostListed = 20;

    /// <summary>Every reason why the sources do not fit the targets; empty when each target has exactly one source of its shape.</summary>
    /// <param name="targets">What would be overwritten.</param>
    /// <param name="sources">What would be copied.</param>
    /// <param name="rename">The target's name for a source's; null where names are the same.</param>
    public static IReadOnlyList<string> Misfits(
        IEnumerable<KeyValuePair<string, Tensor>> targets, IEnumerable<KeyValuePair<string, Tensor>> sources, Func<string, string>? rename = null)
    {
        ArgumentNullException.ThrowIfNull(targets);
        KeyValuePair<string, Tensor>[] wanted = [.. targets];
        ILookup<string, KeyValuePair<string, Tensor>> byTarget = ByTarget(sources, rename);
        HashSet<string> known = [.. wanted.Select(t => t.Key)];
        return
        [
            .. wanted.SelectMany(t => MisfitsOf(t.Key, t.Value, [.. byTarget[t.Key]])),
            .. byTarget.Where(group => !known.Contains(group.Key)).SelectMany(group => group).Select(s => $"unexpected: {s.Key}"),
        ];
    }

    /// <summary>Copies every source into the target of its name, converting dtype and device.</summary>
    /// <param name="targets">What is overwritten.</param>
    /// <param name="sources">Exactly one tensor for each target.</param>
    /// <param name="rename">The target's name for a source's; null where names are the same.</param>
    /// <exception cref="ArgumentException">The sources do not fit; the message lists the first twenty misfits and how many more; nothing was changed.</exception>
    public static void CopyInto(
        IEnumerable<KeyValuePair<string, Tensor>> targets, IEnumerable<KeyValuePair<string, Tensor>> sources, Func<string, string>? rename = null)
    {
        ArgumentNullException.ThrowIfNull(targets);
        KeyValuePair<string, Tensor>[] wanted = [.. targets];
        ILookup<string, KeyValuePair<string, Tensor>> byTarget = ByTarget(sources, rename);
        IReadOnlyList<string> misfits = Misfits(wanted, sources, rename);
        if (misfits.Count > 0)
        {
            throw new ArgumentException($"These weights belong to another network; nothing was loaded: {Text(misfits)}.");
        }

        using IDisposable noGradients = no_grad();
        foreach ((string name, Tensor target) in wanted)
        {
            target.copy_(byTarget[name].Single().Value);
        }
    }

    /// <summary>Misfits in one line: the first twenty, and how many more.</summary>
    /// <param name="misfits">What was found.</param>
    public static string Text(IReadOnlyList<string> misfits)
    {
        ArgumentNullException.ThrowIfNull(misfits);
        string rest = misfits.Count > MostListed ? $"; and {misfits.Count - MostListed} more" : string.Empty;
        return string.Join("; ", misfits.Take(MostListed)) + rest;
    }

    private static ILookup<string, KeyValuePair<string, Tensor>> ByTarget(
        IEnumerable<KeyValuePair<string, Tensor>> sources, Func<string, string>? rename) =>
        sources.ToLookup(s => rename is null ? s.Key : rename(s.Key), StringComparer.Ordinal);

    private static IEnumerable<string> MisfitsOf(string name, Tensor target, KeyValuePair<string, Tensor>[] sources)
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

        if (source.dtype != target.dtype && !(source.is_floating_point() && target.is_floating_point()))
        {
            yield return $"wrong dtype: {sources[0].Key} is {source.dtype}, but must be {(target.is_floating_point() ? "floating point" : target.dtype)}";
        }
    }
}

using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// Copies weights by name into tensors, all or nothing. A prefix of all source names (<c>module.</c>, <c>_orig_mod.</c>, also nested) is
/// removed if the sources fit exactly without it.
/// </summary>
public static class NamedWeights
{
    private const int MaxListed = 20;

    /// <summary>Lists the misfits between sources and targets; empty when each target has exactly one source of its shape.</summary>
    /// <param name="targets">What would be overwritten.</param>
    /// <param name="sources">What would be copied.</param>
    /// <param name="rename">The target's name for a source's; null where names are the same.</param>
    public static IReadOnlyList<string> Misfits(
        IEnumerable<KeyValuePair<string, Tensor>> targets,
        IEnumerable<KeyValuePair<string, Tensor>> sources,
        Func<string, string>? rename = null)
    {
        ArgumentNullException.ThrowIfNull(targets);
        return Fit.Of([.. targets], [.. sources], rename).Misfits;
    }

    /// <summary>Copies every source into the target of its name, converting dtype and device.</summary>
    /// <param name="targets">What is overwritten.</param>
    /// <param name="sources">Exactly one tensor for each target.</param>
    /// <param name="rename">The target's name for a source's; null where names are the same.</param>
    /// <exception cref="ArgumentException">
    /// The sources do not fit; the message lists twenty misfits of all kinds, how many more there are, and whether a prefix of the names is
    /// the cause; nothing was changed.
    /// </exception>
    public static void CopyInto(
        IEnumerable<KeyValuePair<string, Tensor>> targets,
        IEnumerable<KeyValuePair<string, Tensor>> sources,
        Func<string, string>? rename = null)
    {
        ArgumentNullException.ThrowIfNull(targets);
        KeyValuePair<string, Tensor>[] wanted = [.. targets];
        KeyValuePair<string, Tensor>[] available = [.. sources];
        Fit fit = Fit.Of(wanted, available, rename);
        if (fit.Misfits.Count > 0)
        {
            throw new ArgumentException(
                $"These weights belong to another network; nothing was loaded: {Text(fit.Misfits)}."
                + PrefixHint(wanted, available, fit, rename));
        }

        using IDisposable noGradients = no_grad();
        foreach ((string name, Tensor target) in wanted)
        {
            target.copy_(fit.ByTarget[name].Single().Value);
        }
    }

    /// <summary>Misfits in one line: twenty, some of each kind, and how many more.</summary>
    /// <param name="misfits">What was found.</param>
    public static string Text(IReadOnlyList<string> misfits)
    {
        ArgumentNullException.ThrowIfNull(misfits);
        IGrouping<string, string>[] kinds = [.. misfits.GroupBy(misfit => misfit.Split(':')[0], StringComparer.Ordinal)];
        int maxPerKind = Math.Max(1, MaxListed / Math.Max(1, kinds.Length));
        string[] shown = misfits.Count <= MaxListed ? [.. misfits] : [.. kinds.SelectMany(kind => kind.Take(maxPerKind)).Take(MaxListed)];
        string rest = misfits.Count > shown.Length ? $"; and {misfits.Count - shown.Length} more" : string.Empty;
        return string.Join("; ", shown) + rest;
    }

    private static string PrefixHint(
        KeyValuePair<string, Tensor>[] targets, KeyValuePair<string, Tensor>[] sources, Fit fit, Func<string, string>? rename)
    {
        if (fit.Prefix.Length > 0)
        {
            return $" All names begin with \"{fit.Prefix}\", which was removed to compare them.";
        }

        // Weights of several networks, as in a training state: ema_model.conv_in.weight and model.conv_in.weight.
        string[] fitting =
        [
            .. targets.Length == 0 ? [] : sources
                .Where(source => Named(source.Key, rename).EndsWith("." + targets[0].Key, StringComparison.Ordinal))
                .Select(source => Named(source.Key, rename)[..^targets[0].Key.Length])
                .Where(prefix => Fit.Under(prefix, targets, sources, rename).Misfits.Count == 0),
        ];
        return fitting.Length == 0
            ? string.Empty
            : $" The names that begin with {string.Join(" or with ", fitting.Select(prefix => $"\"{prefix}\""))} would fit without "
                + "that prefix: pass only these.";
    }

    private static string Named(string name, Func<string, string>? rename) => rename is null ? name : rename(name);

    /// <summary>The match of sources and targets.</summary>
    private sealed record Fit(IReadOnlyList<string> Misfits, ILookup<string, KeyValuePair<string, Tensor>> ByTarget, string Prefix)
    {
        public static Fit Of(KeyValuePair<string, Tensor>[] targets, KeyValuePair<string, Tensor>[] sources, Func<string, string>? rename)
        {
            Fit plain = Without(string.Empty, targets, sources, rename);
            if (plain.Misfits.Count == 0)
            {
                return plain;
            }

            Fit[] stripped = [.. SharedPrefix.PartsOf(SharedPrefix.Of(sources.Select(s => s.Key)))
                .Select(prefix => Without(prefix, targets, sources, rename))];
            return stripped.Append(plain).MinBy(fit => fit.Misfits.Count)!;
        }

        /// <summary>Only the sources with a prefix, without it.</summary>
        public static Fit Under(string prefix, KeyValuePair<string, Tensor>[] targets, KeyValuePair<string, Tensor>[] sources, Func<string,
            string>? rename) =>
            Without(prefix, targets, [.. sources.Where(s => s.Key.StartsWith(prefix, StringComparison.Ordinal))], rename);

        private static Fit Without(string prefix, KeyValuePair<string, Tensor>[] targets, KeyValuePair<string, Tensor>[] sources,
            Func<string, string>? rename)
        {
            ILookup<string, KeyValuePair<string,
                Tensor>> byTarget = sources.ToLookup(s => Named(s.Key[prefix.Length..], rename), StringComparer.Ordinal);
            HashSet<string> known = [.. targets.Select(t => t.Key)];
            return new Fit(
                [
                    .. targets.SelectMany(t => MisfitsOf(t.Key, t.Value, [.. byTarget[t.Key]])),
                    .. byTarget.Where(group => !known.Contains(group.Key)).SelectMany(group => group).Select(s => $"unexpected: {s.Key}"),
                ],
                byTarget,
                prefix);
        }

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
                yield return $"wrong dtype: {sources[0].Key} is {source.dtype}, but must be "
                    + $"{(target.is_floating_point() ? "floating point" : target.dtype)}";
            }
        }
    }
}

using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace Diffusion.Training;

/// <summary>What is found when shards are looked at before they are used: which of them are, and how many images and classes they hold.</summary>
/// <param name="Names">The shards that are used.</param>
/// <param name="Sizes">How many images are used of each.</param>
/// <param name="Labelled">How many of these have a label.</param>
/// <param name="HighestLabel">The highest label; -1 without labels.</param>
/// <param name="Damaged">What is left out.</param>
internal sealed record ShardSurvey(
    IReadOnlyList<string> Names, IReadOnlyList<long> Sizes, long Labelled, int HighestLabel, IReadOnlyList<ImageDataException> Damaged)
{
    private const int NamedShards = 5;
    private const int ServersAskedAtOnce = 8;

    /// <summary>How many images there are.</summary>
    public long Count => Sizes.Sum();

    /// <summary>Looks at shards, several at a time.</summary>
    /// <exception cref="ImageDataException">Some are damaged and may not be left out, or some cannot be read at all.</exception>
    public static ShardSurvey Of(string pattern, IReadOnlyList<string> names, ShardStore store, ShardOptions options, CancellationToken cancellationToken)
    {
        Finding?[] found = new Finding?[names.Count];
        ConcurrentDictionary<int, ImageDataException> damaged = new();
        ConcurrentDictionary<int, ImageDataException> unreachable = new();
        ForEach(names.Count, Find, names.Any(RemoteShards.IsRemote), cancellationToken);

        void Find(int number)
        {
            try
            {
                Finding finding = Look(names[number], store, options, cancellationToken);
                found[number] = finding;
                if (finding.LeftOut.Count > 0)
                {
                    damaged[number] = ShardPicker.Unreadable(names[number], finding.LeftOut);
                }
            }
            catch (ImageDataException problem)
            {
                damaged[number] = problem;
            }
            catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
            {
                unreachable[number] = new ImageDataException(names[number], problem.Message, problem);
            }
        }

        if (!unreachable.IsEmpty)
        {
            throw Summary(pattern, names.Count, InOrder(unreachable), "cannot be read", "Check the disk, the network and the rights, and open them again.");
        }

        if (!damaged.IsEmpty && !options.LeaveOutDamaged)
        {
            throw Summary(pattern, names.Count, InOrder(damaged), "are damaged", "Write them anew, or set ShardOptions.LeaveOutDamaged to train on the others.");
        }

        string[] used = [.. names.Zip(found).Where(shard => shard.Second is not null).Select(shard => shard.First)];
        Finding[] findings = [.. found.OfType<Finding>()];
        return new ShardSurvey(
            used, [.. findings.Select(shard => shard.Count)], findings.Sum(shard => shard.Labelled),
            findings.Select(shard => shard.HighestLabel).DefaultIfEmpty(-1).Max(), InOrder(damaged));
    }

    private static Finding Look(string name, ShardStore store, ShardOptions options, CancellationToken cancellationToken)
    {
        if (options.Where is null && options.Map is null && store.IndexOf(name, cancellationToken) is { Unreadable: 0 } index)
        {
            return new Finding(index.Count, index.Labelled, index.HighestLabel, []);
        }

        using Shard shard = store.Open(name, cancellationToken);
        return new Finding(
            shard.Picks.Count, shard.Picks.Count(pick => pick.Label >= 0), shard.Picks.Select(pick => pick.Label).DefaultIfEmpty(-1).Max(), shard.LeftOut);
    }

    // What a Where or a Map of the caller throws comes as it was thrown.
    private static void ForEach(int count, Action<int> look, bool waitsForServers, CancellationToken cancellationToken)
    {
        int atOnce = waitsForServers ? Math.Max(ServersAskedAtOnce, Environment.ProcessorCount) : Environment.ProcessorCount;
        try
        {
            Parallel.For(0, count, new ParallelOptions { CancellationToken = cancellationToken, MaxDegreeOfParallelism = atOnce }, look);
        }
        catch (AggregateException problem)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ExceptionDispatchInfo.Throw(problem.InnerExceptions[0]);
        }
    }

    private static ImageDataException[] InOrder(ConcurrentDictionary<int, ImageDataException> problems) =>
        [.. problems.OrderBy(problem => problem.Key).Select(problem => problem.Value)];

    private static ImageDataException Summary(string pattern, int shards, ImageDataException[] problems, string what, string remedy) => new(
        pattern, $"{problems.Length} of {shards} shards {what}:{Environment.NewLine}"
        + string.Join(Environment.NewLine, problems.Take(NamedShards).Select(problem => problem.Message))
        + (problems.Length > NamedShards ? $"{Environment.NewLine}... and {problems.Length - NamedShards} more." : string.Empty)
        + Environment.NewLine + remedy);

    private sealed record Finding(long Count, long Labelled, int HighestLabel, IReadOnlyList<string> LeftOut);
}

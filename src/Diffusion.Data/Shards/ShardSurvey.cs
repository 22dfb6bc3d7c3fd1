using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace Diffusion.Data;

/// <summary>What opening finds out about all shards: which of them are used, and how many images and classes they contain.</summary>
/// <param name="Names">The shards to use.</param>
/// <param name="Findings">The findings of each.</param>
/// <param name="Damaged">What is skipped because it is damaged.</param>
internal sealed record ShardSurvey(
    IReadOnlyList<string> Names, IReadOnlyList<ShardFinding> Findings, IReadOnlyList<ImageDataException> Damaged)
{
    private const int NamedShards = 5;
    private const int ServersAskedAtOnce = 8;

    /// <summary>The number of images.</summary>
    public long Count => Findings.Sum(shard => shard.Count);

    /// <summary>The number of images with a label.</summary>
    public long Labeled => Findings.Sum(shard => shard.Labeled);

    /// <summary>The largest label; -1 without labels.</summary>
    public int MaxLabel => Findings.Select(shard => shard.MaxLabel).DefaultIfEmpty(-1).Max();

    /// <summary>Examines shards, several at a time.</summary>
    /// <param name="pattern">The pattern as errors show it.</param>
    /// <param name="names">The shards.</param>
    /// <param name="store">Opens the shards.</param>
    /// <param name="options">Selects shards and samples.</param>
    /// <param name="skipped">Receives what is skipped.</param>
    /// <param name="cancellationToken">Cancels the survey.</param>
    /// <exception cref="ImageDataException">Some shards are damaged and are not to be skipped, or some cannot be read.</exception>
    public static ShardSurvey Of(
        string pattern, IReadOnlyList<string> names, ShardStore store, ShardOptions options, SkippedImageList skipped,
            CancellationToken cancellationToken)
    {
        ShardFinding?[] found = new ShardFinding?[names.Count];
        ConcurrentDictionary<int, ImageDataException> damaged = new();
        ConcurrentDictionary<int, ImageDataException> unreachable = new();
        ForEach(names.Count, Find, names.Any(RemoteShards.IsRemote), cancellationToken);

        void Find(int number)
        {
            try
            {
                ShardFinding finding = ShardFinding.Of(names[number], store, options, cancellationToken);
                found[number] = finding;
                if (finding.Remarks is { Damaged.Count: > 0 } remarks)
                {
                    damaged[number] = ShardPicker.Unreadable(RemoteAddress.Shown(names[number]), remarks.Damaged);
                }
            }
            catch (ImageDataException problem)
            {
                damaged[number] = problem;
            }
            catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
            {
                unreachable[number] = new ImageDataException(RemoteAddress.Shown(names[number]), problem.Message, problem);
            }
        }

        if (!unreachable.IsEmpty)
        {
            throw Summary(
                pattern, names.Count, InOrder(unreachable), "cannot be read",
                    "Check the disk, the network and the permissions, and open them again.");
        }

        if (!damaged.IsEmpty && !options.SkipDamaged)
        {
            throw Summary(
                pattern, names.Count, InOrder(damaged), "are damaged",
                "Write them again, or set ShardOptions.SkipDamaged to train without the damaged parts.");
        }

        for (int number = 0; number < names.Count; number++)
        {
            Report(names[number], found[number], options, skipped);
        }

        string[] used = [.. names.Zip(found).Where(shard => shard.Second is not null).Select(shard => shard.First)];
        return new ShardSurvey(used, [.. found.OfType<ShardFinding>()], InOrder(damaged));
    }

    private static void Report(string name, ShardFinding? finding, ShardOptions options, SkippedImageList skipped)
    {
        string shard = RemoteShards.IsRemote(name) ? RemoteAddress.Shown(name) : Path.GetFileName(name);
        if (finding is null)
        {
            skipped.Add("damaged shards (ShardOptions.SkipDamaged)", shard);
            return;
        }

        if (finding.Count == 0 && options.Where is null && finding.Remarks is not { Damaged.Count: > 0 })
        {
            skipped.Add("shards without samples", shard);
        }

        foreach (string sample in finding.Remarks?.Damaged ?? [])
        {
            skipped.Add("samples whose label or image cannot be read (ShardOptions.SkipDamaged)", $"{shard}: {sample}");
        }

        foreach (string sample in finding.Remarks?.WithoutImage ?? [])
        {
            skipped.Add("samples without an image file, which are bad images", $"{shard}: {sample}");
        }

        foreach (SkippedImages part in finding.Remarks?.Ignored ?? [])
        {
            foreach ((int place, string example) in part.Examples.Index())
            {
                skipped.Add(part.Reason, $"{shard}: {example}", place == 0 ? part.Count - part.Examples.Count + 1 : 1);
            }
        }
    }

    // Exceptions of the caller's Where and Map are passed on unchanged.
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
}

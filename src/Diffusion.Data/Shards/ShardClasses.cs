namespace Diffusion.Data;

/// <summary>Counts the classes of labeled shards; inconsistent labels are an error that names samples.</summary>
internal static class ShardClasses
{
    /// <summary>The number of classes; null without labels.</summary>
    /// <exception cref="ImageDataException">
    /// Only some samples have a label, or a label is too large for <see cref="ShardOptions.ClassCount"/>.
    /// </exception>
    public static int? CountOf(
        string pattern, ShardSurvey survey, ShardStore store, ShardOptions options, CancellationToken cancellationToken)
    {
        if (survey.Labeled == 0 && options.ClassCount is null)
        {
            return null;
        }

        if (survey.Labeled < survey.Count)
        {
            (string shard, ShardSelection selection) = First(survey, finding => finding.Labeled < finding.Count, store, cancellationToken);
            throw new ImageDataException(
                pattern, $"{survey.Labeled} of {survey.Count} samples have a label, but either all or none must have one. "
                + $"Without a label, in {shard}: {ShardPicker.FirstOf(selection.WithoutLabel)}. "
                + $"{ShardPicker.KeyRule} Or select samples with ShardOptions.Where.");
        }

        if (options.ClassCount is { } count && survey.MaxLabel >= count)
        {
            (string shard, ShardSelection selection) = First(survey, finding => finding.MaxLabel >= count, store, cancellationToken);
            ShardPick pick = selection.Picks.First(pick => pick.Label >= count);
            throw new ImageDataException(
                pattern, $"sample {pick.Key} in {shard} has the label {pick.Label}, "
                + $"but ShardOptions.ClassCount is {count}, so labels must be in 0..{count - 1}. "
                + $"The largest label is {survey.MaxLabel}. Count classes from 0, or raise ClassCount.");
        }

        return SourceGuard.ClassCount(survey.MaxLabel, options.ClassCount, pattern);
    }

    private static (string Shard, ShardSelection Selection) First(
        ShardSurvey survey, Func<ShardFinding, bool> isMeant, ShardStore store, CancellationToken cancellationToken)
    {
        string name = survey.Names[survey.Findings.Index().First(finding => isMeant(finding.Item)).Index];
        using Shard shard = store.Open(name, isForReading: false, cancellationToken);
        return (RemoteAddress.Shown(name), shard.Selection);
    }
}

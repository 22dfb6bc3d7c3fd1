namespace Diffusion.Training;

/// <summary>Which averages of a checkpoint a run continues, and by which laws.</summary>
internal static class ResumedAverages
{
    /// <summary>The laws after resuming. Unless the options choose one, a run keeps the law with which it started.</summary>
    /// <param name="setup">The run.</param>
    /// <param name="saved">The manifest of the checkpoint.</param>
    public static IReadOnlyList<EmaLaw> Laws(TrainerSetup setup, CheckpointManifest saved)
    {
        IReadOnlyList<EmaLaw> laws = EmaOptions.Laws(setup.Options, setup.Optimizer);
        return setup.Options.Ema is null && saved.Averages is [var first, ..] && EmaLaw.Names.Find(first.Law) is { } law
            && !laws.Skip(1).Contains(law)
            ? [law, .. laws.Skip(1)]
            : laws;
    }

    /// <summary>
    /// The place of the saved average that each average continues: the one with the same law, and for the others the remaining ones, in
    /// order. If there are fewer saved ones, the last averages have none.
    /// </summary>
    /// <param name="laws">The laws of the averages.</param>
    /// <param name="saved">The averages of the checkpoint.</param>
    public static IReadOnlyList<int> Places(IReadOnlyList<EmaLaw> laws, IReadOnlyList<CheckpointAverage> saved)
    {
        int count = Math.Min(saved.Count, laws.Count);
        List<int> left = [.. Enumerable.Range(0, count)];
        int?[] same = [.. laws.Select(law => left.Where(place => saved[place].Law == law.Description).Cast<int?>().FirstOrDefault())];
        left.RemoveAll(place => same.Contains(place));
        int[] places = new int[count];
        for (int mine = 0; mine < count; mine++)
        {
            places[mine] = same[mine] ?? left[0];
            left.Remove(places[mine]);
        }

        return places;
    }
}

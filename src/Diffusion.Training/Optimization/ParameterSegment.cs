namespace Diffusion.Training;

/// <summary>Neighboring parameters in the flat buffers that an optimizer treats alike.</summary>
/// <param name="From">Their first element in <see cref="FlatParameters.Values"/> and <see cref="FlatParameters.Gradients"/>.</param>
/// <param name="To">The end of their elements, exclusive.</param>
/// <param name="Decays">Whether they are trained with weight decay.</param>
/// <param name="RateFactor">The factor of the learning rate; usually 1.</param>
public sealed record ParameterSegment(long From, long To, bool Decays, double RateFactor)
{
    /// <summary>The parameters, in the order of the buffer.</summary>
    internal IReadOnlyList<FlatEntry> Entries { get; init; } = [];

    /// <summary>Groups neighbors that are treated alike into segments.</summary>
    /// <param name="entries">Trained parameters, in the order of the buffer.</param>
    internal static IReadOnlyList<ParameterSegment> Of(IEnumerable<FlatEntry> entries)
    {
        List<ParameterSegment> segments = [];
        foreach (FlatEntry entry in entries)
        {
            ParameterSegment one = new(entry.Offset, FlatLayout.EndOf(entry), entry.Group == ParameterGroup.Decayed, entry.RateFactor)
            {
                Entries = [entry],
            };
            if (segments is [.., var last] && last.To == one.From && (last.Decays, last.RateFactor) == (one.Decays, one.RateFactor))
            {
                segments[^1] = last with { To = one.To, Entries = [.. last.Entries, entry] };
            }
            else
            {
                segments.Add(one);
            }
        }

        return segments;
    }
}

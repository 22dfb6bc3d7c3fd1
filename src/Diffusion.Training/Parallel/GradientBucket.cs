namespace Diffusion.Training;

/// <summary>A range of the flat gradients that is reduced in one operation.</summary>
/// <param name="Offset">The first element.</param>
/// <param name="Length">The number of elements, including the gaps between parameters.</param>
/// <param name="Parameters">The names of the parameters in it.</param>
internal sealed record GradientBucket(long Offset, long Length, IReadOnlyList<string> Parameters)
{
    /// <summary>
    /// Divides the trained parameters into buckets, from the last layer to the first, as the backward pass completes them. The parameters
    /// without weight decay, which belong to all layers, come last. No parameter is split.
    /// </summary>
    /// <param name="layout">The layout of the gradients.</param>
    /// <param name="bytes">A bucket ends with the parameter that reaches this size.</param>
    /// <param name="elementSize">The number of bytes of a gradient.</param>
    public static IReadOnlyList<GradientBucket> Of(FlatLayout layout, long bytes, long elementSize)
    {
        List<GradientBucket> buckets = [];
        Divide(layout.Entries.Where(entry => entry.Group == ParameterGroup.Decayed), layout.DecayedLength);
        Divide(layout.Entries.Where(entry => entry.Group is ParameterGroup.Plain or ParameterGroup.Objective), layout.TrainedLength);
        return buckets;

        void Divide(IEnumerable<FlatEntry> entries, long end)
        {
            List<string> names = [];
            long start = end;
            foreach (FlatEntry entry in entries.Reverse())
            {
                names.Add(entry.Name);
                start = entry.Offset;
                if ((end - start) * elementSize >= bytes)
                {
                    buckets.Add(new GradientBucket(start, end - start, names));
                    names = [];
                    end = start;
                }
            }

            if (names.Count > 0)
            {
                buckets.Add(new GradientBucket(start, end - start, names));
            }
        }
    }
}

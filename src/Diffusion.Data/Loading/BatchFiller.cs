namespace Diffusion.Data;

/// <summary>Fills a buffer with the images of one batch, and deals with those that cannot be read. Safe from several threads.</summary>
internal sealed class BatchFiller(SampleReader samples, ISampleOrder order, SeedStream seeds, BadImagePolicy policy)
{
    private const int MaxReplacements = 16;

    /// <summary>Fills a buffer from a position on.</summary>
    /// <param name="buffer">The buffer.</param>
    /// <param name="first">The position of the first image.</param>
    /// <param name="count">How many images are asked for.</param>
    /// <param name="bad">Takes the images that could not be read, in their order.</param>
    /// <param name="cancellationToken">Ends the filling between two images, or in a wait for one.</param>
    /// <returns>How many images there are: fewer than asked for, or none, under <see cref="BadImagePolicy.Skip"/>.</returns>
    public int Fill(BatchBuffer buffer, long first, int count, List<BadImage> bad, CancellationToken cancellationToken)
    {
        int filled = 0;
        Announce(first, count, cancellationToken);
        for (int i = 0; i < count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (TryRead(buffer, filled, first + i, bad, cancellationToken))
            {
                buffer.Positions[filled++] = first + i;
            }
        }

        return filled;
    }

    private void Announce(long first, int count, CancellationToken cancellationToken)
    {
        if (samples.Source.IsInMemory)
        {
            return;
        }

        long[] indices = new long[count];
        for (int i = 0; i < count; i++)
        {
            indices[i] = order.IndexAt(first + i);
        }

        samples.Source.Announce(indices, cancellationToken);
    }

    private bool TryRead(BatchBuffer buffer, int place, long position, List<BadImage> bad, CancellationToken cancellationToken)
    {
        long index = order.IndexAt(position);
        SeedStream draws = seeds.Child(RandomPurpose.Augmentation, position);
        for (int attempt = 0; attempt <= MaxReplacements; attempt++)
        {
            try
            {
                samples.Source.Read(index, buffer.Image(place), draws, cancellationToken);
                if (samples.HasLabels)
                {
                    buffer.Labels[place] = samples.LabelOf(index);
                }
            }
            catch (ImageDataException problem) when (policy != BadImagePolicy.Throw)
            {
                long? replacement = policy == BadImagePolicy.Replace && attempt < MaxReplacements
                    ? ReplacementFor(position, attempt)
                    : null;
                bad.Add(new BadImage(position, index, problem.Path, problem.Reason, replacement));
                if (replacement is { } other)
                {
                    index = other;
                    continue;
                }

                return policy == BadImagePolicy.Skip
                    ? false
                    : throw new ImageDataException(
                        problem.Path, $"{problem.Reason} {MaxReplacements} images drawn in its place were bad as well.", problem);
            }

            samples.CheckRange(index, buffer.Image(place));
            return true;
        }

        return false;
    }

    // A place of the first epoch, drawn by position and attempt: the same in every process, and an image that is trained on.
    private long ReplacementFor(long position, int attempt) =>
        order.IndexAt((long)(seeds.Child(RandomPurpose.Replacement, position)
            .Uniform(RandomPurpose.Replacement, attempt) * order.EpochLength));
}

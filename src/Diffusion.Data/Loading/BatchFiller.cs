namespace Diffusion.Data;

/// <summary>Fills a buffer with the images of one batch, and replaces or skips those that cannot be read. Thread-safe.</summary>
internal sealed class BatchFiller(SampleReader samples, ISampleOrder order, SeedStream seeds, BadImagePolicy policy)
{
    private const int MaxReplacements = 16;

    /// <summary>Fills a buffer with images, starting at a position.</summary>
    /// <param name="buffer">The buffer.</param>
    /// <param name="first">The position of the first image.</param>
    /// <param name="count">The number of images to read.</param>
    /// <param name="bad">Receives the images that could not be read, in order.</param>
    /// <param name="cancellationToken">Cancels the filling between two images, or a wait for an image.</param>
    /// <returns>The number of images read: possibly fewer, or none, with <see cref="BadImagePolicy.Skip"/>.</returns>
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
                        problem.Path, $"{problem.Reason} {MaxReplacements} random replacements could not be read either.", problem);
            }

            samples.CheckRange(index, buffer.Image(place));
            return true;
        }

        return false;
    }

    // Drawn from the positions of the first epoch, so that it is a training image; the same in every process.
    private long ReplacementFor(long position, int attempt) =>
        order.IndexAt((long)(seeds.Child(RandomPurpose.Replacement, position)
            .Uniform(RandomPurpose.Replacement, attempt) * order.EpochLength));
}

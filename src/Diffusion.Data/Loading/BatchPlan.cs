namespace Diffusion.Data;

/// <summary>
/// The positions of each batch of one process. The positions of a whole optimizer step do not depend on the number of processes and the
/// size of their batches.
/// </summary>
internal sealed record BatchPlan
{
    /// <summary>The number of images in an optimizer step of all processes, at least 1.</summary>
    public required int StepSize { get; init; }

    /// <summary>The number of images in a batch. Must divide <see cref="StepSize"/> / <see cref="World"/>.</summary>
    public required int BatchSize { get; init; }

    /// <summary>The first position, at least 0: where an earlier run stopped.</summary>
    public long Start { get; init; }

    /// <summary>The index of this process, 0 to <see cref="World"/> - 1.</summary>
    public int Rank { get; init; }

    /// <summary>The number of processes that share each step, at least 1. Must divide <see cref="StepSize"/>.</summary>
    public int World { get; init; } = 1;

    /// <summary>The position of the first image of a batch; the others follow it.</summary>
    /// <param name="batch">The index of the batch in this process, from 0.</param>
    public long PositionOf(long batch)
    {
        int share = StepSize / World;
        (long step, long part) = Math.DivRem(batch, share / BatchSize);
        return Start + (step * StepSize) + ((long)Rank * share) + (part * BatchSize);
    }

    /// <summary>The first position of the step that contains a batch, over all processes.</summary>
    internal long StepStartOf(long batch) => Start + (batch / (StepSize / World / BatchSize) * StepSize);

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(StepSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(BatchSize, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(Start);
        ArgumentOutOfRangeException.ThrowIfLessThan(World, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(Rank);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(Rank, World);
        if (StepSize % World != 0 || StepSize / World % BatchSize != 0)
        {
            throw new ArgumentException(
                $"A step of {StepSize} images cannot be divided among {World} processes into full batches of {BatchSize}. "
                + $"Use a step of {(long)World * BatchSize} images, or a multiple of it.");
        }
    }
}

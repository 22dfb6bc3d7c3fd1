namespace Diffusion.Data;

/// <summary>
/// Which positions of the run each batch of one process holds. The positions of a whole optimizer step are the same whatever the number of
/// processes and the size of their batches.
/// </summary>
internal sealed record BatchPlan
{
    /// <summary>Images per optimizer step, of all processes together, at least 1.</summary>
    public required int StepSize { get; init; }

    /// <summary>Images per batch. Must divide <see cref="StepSize"/> / <see cref="World"/>.</summary>
    public required int BatchSize { get; init; }

    /// <summary>The first position, 0 or more: where an earlier run stopped.</summary>
    public long Start { get; init; }

    /// <summary>Which process this is, 0 to <see cref="World"/> - 1.</summary>
    public int Rank { get; init; }

    /// <summary>How many processes share each step, at least 1. Must divide <see cref="StepSize"/>.</summary>
    public int World { get; init; } = 1;

    /// <summary>The position of a batch's first image; the others follow it one by one.</summary>
    /// <param name="batch">The number of the batch in this process, from 0.</param>
    public long PositionOf(long batch)
    {
        int share = StepSize / World;
        (long step, long part) = Math.DivRem(batch, share / BatchSize);
        return Start + (step * StepSize) + ((long)Rank * share) + (part * BatchSize);
    }

    /// <summary>The first position, of all processes, of the step that a batch belongs to.</summary>
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
                $"A step of {StepSize} images must divide among {World} processes into whole batches of {BatchSize}. "
                + $"Use a step of {(long)World * BatchSize} images, or a multiple of it.");
        }
    }
}

namespace Diffusion.Training;

/// <summary>The distribution of the images of one optimizer step over passes and processes.</summary>
/// <param name="MicroBatch">Images of one pass on one process.</param>
/// <param name="Accumulation">Passes whose gradients are summed.</param>
/// <param name="Processes">Processes that train together.</param>
/// <param name="BetterBatch">A slightly smaller effective batch that needs fewer passes, or null if there is none.</param>
public sealed record BatchSplit(int MicroBatch, int Accumulation, int Processes, int? BetterBatch)
{
    /// <summary>The images of one optimizer step.</summary>
    public int EffectiveBatch => BatchSizeScaling.EffectiveBatch(MicroBatch, Accumulation, Processes);
}

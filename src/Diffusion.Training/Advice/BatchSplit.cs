namespace Diffusion.Training;

/// <summary>How the images of one optimizer step are spread over passes and processes.</summary>
/// <param name="MicroBatch">Images of one pass on one process.</param>
/// <param name="Accumulation">Passes whose gradients are added up.</param>
/// <param name="Processes">Processes that train together.</param>
/// <param name="BetterBatch">An effective batch close below this one that needs fewer passes; null where this one needs the fewest.</param>
public sealed record BatchSplit(int MicroBatch, int Accumulation, int Processes, int? BetterBatch)
{
    /// <summary>The images of one optimizer step.</summary>
    public int EffectiveBatch => BatchSizeScaling.EffectiveBatch(MicroBatch, Accumulation, Processes);
}

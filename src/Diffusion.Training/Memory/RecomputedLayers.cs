namespace Diffusion.Training;

/// <summary>The layers of a U-Net that gradient checkpointing recomputes.</summary>
/// <param name="blocks">All of them, those with attention, or none; for <c>Fit</c> those of <paramref name="chosen"/>.</param>
/// <param name="chosen">Their numbers, counted from 0 in the order of the forward pass; only for <c>Fit</c>.</param>
internal sealed class RecomputedLayers(GradientCheckpointing blocks, IReadOnlySet<int>? chosen = null)
{
    /// <summary>Whether a layer is recomputed.</summary>
    /// <param name="number">Its number.</param>
    /// <param name="hasAttention">Whether it has attention.</param>
    public bool Includes(int number, bool hasAttention) => blocks switch
    {
        GradientCheckpointing.All => true,
        GradientCheckpointing.Attention => hasAttention,
        GradientCheckpointing.Fit => chosen!.Contains(number),
        _ => false,
    };
}

namespace Diffusion.Training;

/// <summary>(1 + step) / (10 + step), between two limits.</summary>
internal sealed record WarmupDecay(double MaxDecay, double MinDecay) : IEmaDecay
{
    public string Description => MinDecay == 0
        ? PartText.Of("warmup", ("max-decay", MaxDecay))
        : PartText.Of("warmup", ("max-decay", MaxDecay), ("min-decay", MinDecay));

    public double? Limit => MaxDecay;

    public double At(EmaUpdate update) => Math.Max(MinDecay, Math.Min(MaxDecay, (1.0 + update.Step) / (10.0 + update.Step)));
}

namespace Diffusion.Training;

/// <summary>1 - (1 + s / invGamma)^-power, between two limits, where s counts steps from the first one that is averaged.</summary>
internal sealed record InversePowerDecay(double InvGamma, double Power, double MaxDecay, double MinDecay, long UpdateAfterStep) : IEmaDecay
{
    public string Description => PartText.Of("inverse-power", ("inv-gamma", InvGamma), ("power", Power), ("max-decay", MaxDecay),
        ("min-decay", MinDecay), ("update-after-step", UpdateAfterStep));

    public double? Limit => MaxDecay;

    public double At(EmaUpdate update)
    {
        long s = update.Step - UpdateAfterStep - 1;
        return s <= 0 ? 0 : Math.Max(MinDecay, Math.Min(MaxDecay, 1 - Math.Pow(1 + (s / InvGamma), -Power)));
    }
}

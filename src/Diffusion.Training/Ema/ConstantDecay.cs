namespace Diffusion.Training;

/// <summary>The same decay at every update.</summary>
internal sealed record ConstantDecay(double Decay) : IEmaDecay
{
    public string Description => PartText.Of("constant", ("decay", Decay));

    public double? Limit => Decay;

    public double At(EmaUpdate update) => Decay;
}

namespace Diffusion.Training;

/// <summary>(1 - 1 / step)^(gamma + 1), which gives the weights of step s a share that is proportional to s^gamma.</summary>
internal sealed record PowerFunctionDecay(double SigmaRel) : IEmaDecay
{
    private readonly double exponent = PowerProfile.GammaOf(SigmaRel) + 1;

    public string Description => PartText.Of("power-function", ("sigma-rel", SigmaRel));

    public double At(EmaUpdate update) => Math.Pow(1 - (1.0 / update.Step), exponent);
}

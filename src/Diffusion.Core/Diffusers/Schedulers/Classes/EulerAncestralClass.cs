using static Diffusion.SharedSettings;

namespace Diffusion;

/// <summary>Euler's method over sigma with the noise of DDPM.</summary>
internal static class EulerAncestralClass
{
    public static DiffusersSchedulerClass Of(string name) => new(name, new BetaSource(hasRescale: true), Spacing("linspace"));
}

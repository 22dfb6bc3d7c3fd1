using static Diffusion.SharedSettings;

namespace Diffusion;

/// <summary>DPM-Solver-2 of k-diffusion, also with the noise of DDPM.</summary>
internal static class Kdpm2Class
{
    /// <summary>The default betas of the classes that were ported from k-diffusion.</summary>
    public static DiffusersBetas Betas { get; } = new() { Start = 0.00085, End = 0.012 };

    public static DiffusersSchedulerClass Of(string name) => new(name, new BetaSource(Betas), [.. Spacing("linspace"), .. Curves]);
}

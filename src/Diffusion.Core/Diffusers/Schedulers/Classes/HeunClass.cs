using static Diffusion.SharedSettings;

namespace Diffusion;

/// <summary>Heun's method over sigma.</summary>
internal static class HeunClass
{
    public static DiffusersSchedulerClass Of(string name) => new(
        name,
        new BetaSource(Kdpm2Class.Betas, curves: [NoiseScheduleKind.Exponential]),
        [.. Spacing("linspace"), .. Curves, .. Clipping(false)]);
}

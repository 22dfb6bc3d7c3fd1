using static Diffusion.SharedSettings;

namespace Diffusion;

/// <summary>DDPM and its form for several devices.</summary>
internal static class DdpmClass
{
    public static DiffusersSchedulerClass Of(string name) => new(
        name,
        new BetaSource(curves: [NoiseScheduleKind.Sigmoid], hasRescale: true),
        [
            .. Clipping(true), .. Thresholding, .. Spacing("leading"),
            DiffusersSetting.Choice("variance_type", "fixed_small", "fixed_small", "fixed_small_log", "fixed_large", "learned",
                "learned_range") with { IsOptional = true },
        ]);
}

using static Diffusion.SharedSettings;

namespace Diffusion;

/// <summary>Euler's method over sigma.</summary>
internal static class EulerClass
{
    public static DiffusersSchedulerClass Of(string name) => new(
        name,
        new BetaSource(hasRescale: true),
        [
            .. Spacing("linspace"), .. Curves, FinalSigmas, DiffusersSetting.OptionalPositive("sigma_min"),
            DiffusersSetting.OptionalPositive("sigma_max"),
            DiffusersSetting.Choice("interpolation_type", "linear", "linear", "log_linear"),
            DiffusersSetting.Choice("timestep_type", "discrete", "discrete", "continuous"),
        ]);
}

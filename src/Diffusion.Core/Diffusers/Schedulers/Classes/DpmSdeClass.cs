using static Diffusion.SharedSettings;

namespace Diffusion;

/// <summary>DPM-Solver++ (SDE) of k-diffusion.</summary>
internal static class DpmSdeClass
{
    public static DiffusersSchedulerClass Of(string name) => new(
        name,
        new BetaSource(Kdpm2Class.Betas),
        [
            .. Spacing("linspace"), .. Curves,
            DiffusersSetting.Integer("noise_sampler_seed", 0, min: int.MinValue) with { Default = null, IsOptional = true },
        ]);
}

using static Diffusion.SharedSettings;

namespace Diffusion;

/// <summary>Inversion by DDIM.</summary>
internal static class DdimInverseClass
{
    public static DiffusersSchedulerClass Of(string name) => new(
        name,
        new BetaSource(hasRescale: true),
        [.. Clipping(true), .. Spacing("leading"), DiffusersSetting.Flag("set_alpha_to_one", true)]);
}

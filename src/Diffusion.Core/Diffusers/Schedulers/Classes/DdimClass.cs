using static Diffusion.SharedSettings;

namespace Diffusion;

/// <summary>DDIM and its form for several devices.</summary>
internal static class DdimClass
{
    public static DiffusersSchedulerClass Of(string name) => new(
        name,
        new BetaSource(hasRescale: true),
        [.. Clipping(true), .. Thresholding, .. Spacing("leading"), DiffusersSetting.Flag("set_alpha_to_one", true)]);
}

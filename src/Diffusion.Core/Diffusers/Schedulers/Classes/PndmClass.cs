using static Diffusion.SharedSettings;

namespace Diffusion;

/// <summary>Pseudo linear multistep methods.</summary>
internal static class PndmClass
{
    public static DiffusersSchedulerClass Of(string name) => new(
        name,
        new BetaSource(),
        [
            .. Spacing("leading"), DiffusersSetting.Flag("skip_prk_steps", false), DiffusersSetting.Flag("set_alpha_to_one", false),
        ]);
}

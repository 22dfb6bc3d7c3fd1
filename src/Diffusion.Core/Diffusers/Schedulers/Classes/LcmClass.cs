using static Diffusion.SharedSettings;

namespace Diffusion;

/// <summary>Latent consistency models, and trajectory consistency distillation, whose files have the same keys.</summary>
internal static class LcmClass
{
    public static DiffusersSchedulerClass Of(string name) => new(
        name,
        new BetaSource(new DiffusersBetas { Start = 0.00085, End = 0.012, Curve = NoiseScheduleKind.ScaledLinear }, hasRescale: true),
        [
            DiffusersSetting.Integer("original_inference_steps", 50, min: 1), DiffusersSetting.Positive("timestep_scaling", 10),
            .. Clipping(false), .. Thresholding, .. Spacing("leading"), DiffusersSetting.Flag("set_alpha_to_one", true),
        ]);
}

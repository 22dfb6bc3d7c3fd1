using static Diffusion.SharedSettings;

namespace Diffusion;

/// <summary>UniPC.</summary>
internal static class UniPcClass
{
    public static DiffusersSchedulerClass Of(string name) => new(
        name,
        new BetaSource(hasRescale: true, hasFlow: true),
        [
            DiffusersSetting.Integer("solver_order", 2, min: 1),
            Solver("solver_type", "bh2", ["bh1", "bh2"], ["midpoint", "heun", "logrho"]), DiffusersSetting.Flag("predict_x0", true),
            DiffusersSetting.Flag("lower_order_final", true), new("disable_corrector", DiffusersValueKind.Integers, Array.Empty<int>()),
            new("solver_p", DiffusersValueKind.Text, null) { IsOptional = true }, .. Spacing("linspace"), FinalSigmas, .. Thresholding,
            .. Curves, .. DynamicShift, DiffusersSetting.OptionalPositive("sigma_min"), DiffusersSetting.OptionalPositive("sigma_max"),
            DiffusersSetting.OptionalPositive("shift_terminal"),
        ]);
}

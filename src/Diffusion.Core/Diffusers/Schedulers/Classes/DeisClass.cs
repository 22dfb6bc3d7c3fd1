using static Diffusion.SharedSettings;

namespace Diffusion;

/// <summary>DEIS.</summary>
internal static class DeisClass
{
    public static DiffusersSchedulerClass Of(string name) => new(
        name,
        new BetaSource(hasFlow: true),
        [
            DiffusersSetting.Integer("solver_order", 2, min: 1), Solver("algorithm_type", "deis", ["deis"], ["dpmsolver", "dpmsolver++"]),
            Solver("solver_type", "logrho", ["logrho"], ["midpoint", "heun", "bh1", "bh2"]),
            DiffusersSetting.Flag("lower_order_final", true), .. Spacing("linspace"), .. Thresholding, .. Curves, .. DynamicShift,
        ]);
}

using static Diffusion.SharedSettings;

namespace Diffusion;

/// <summary>Singlestep DPM-Solver and DPM-Solver++.</summary>
internal static class DpmSinglestepClass
{
    public static DiffusersSchedulerClass Of(string name) => new(
        name,
        new BetaSource(hasFlow: true),
        [
            DiffusersSetting.Integer("solver_order", 2, min: 1),
            Solver("algorithm_type", "dpmsolver++", ["dpmsolver", "dpmsolver++", "sde-dpmsolver++"], ["deis"]),
            Solver("solver_type", "midpoint", ["midpoint", "heun"], ["logrho", "bh1", "bh2"]),
            DiffusersSetting.Flag("lower_order_final", false), FinalSigmas, .. Thresholding, .. Curves, .. DynamicShift, MinLambda,
            UnusedVariance,
        ]);
}

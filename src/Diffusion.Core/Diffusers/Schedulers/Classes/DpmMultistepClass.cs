using static Diffusion.SharedSettings;

namespace Diffusion;

/// <summary>Multistep DPM-Solver and DPM-Solver++.</summary>
internal static class DpmMultistepClass
{
    public static DiffusersSchedulerClass Of(string name) => new(
        name,
        new BetaSource(hasRescale: true, hasFlow: true),
        [
            .. Solver, .. Spacing("linspace"), FinalSigmas, .. DynamicShift, DiffusersSetting.Flag("use_lu_lambdas", false),
            DiffusersSetting.Flag("euler_at_final", false),
        ]);

    /// <summary>The class that inverts images.</summary>
    public static DiffusersSchedulerClass Inverse(string name) => new(
        name,
        new BetaSource(hasFlow: true),
        [.. Solver, .. Spacing("linspace"), DiffusersSetting.Flag("euler_at_final", false)]);

    private static DiffusersSetting[] Solver =>
    [
        DiffusersSetting.Integer("solver_order", 2, min: 1),
        SharedSettings.Solver("algorithm_type", "dpmsolver++", ["dpmsolver", "dpmsolver++", "sde-dpmsolver", "sde-dpmsolver++"], ["deis"]),
        SharedSettings.Solver("solver_type", "midpoint", ["midpoint", "heun"], ["logrho", "bh1", "bh2"]),
        DiffusersSetting.Flag("lower_order_final", true), .. Thresholding, .. Curves, MinLambda, UnusedVariance,
    ];
}

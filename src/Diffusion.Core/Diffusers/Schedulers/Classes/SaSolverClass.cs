using static Diffusion.SharedSettings;

namespace Diffusion;

/// <summary>SA-Solver.</summary>
internal static class SaSolverClass
{
    public static DiffusersSchedulerClass Of(string name) => new(
        name,
        new BetaSource(hasFlow: true),
        [
            DiffusersSetting.Integer("predictor_order", 2, min: 1), DiffusersSetting.Integer("corrector_order", 2, min: 1),
            DiffusersSetting.Choice("algorithm_type", "data_prediction", "data_prediction", "noise_prediction"),
            new("tau_func", DiffusersValueKind.Text, null) { IsOptional = true }, DiffusersSetting.Flag("lower_order_final", true),
            .. Spacing("linspace"), .. Thresholding, .. Curves, MinLambda, UnusedVariance,
        ]);
}

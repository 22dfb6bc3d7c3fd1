using static Diffusion.SharedSettings;

namespace Diffusion;

/// <summary>EDM.</summary>
internal static class EdmClass
{
    public static DiffusersSchedulerClass Euler(string name) => new(name, new EdmSource(), Grid);

    public static DiffusersSchedulerClass DpmMultistep(string name) => new(
        name,
        new EdmSource(),
        [
            .. Grid, DiffusersSetting.Integer("solver_order", 2, min: 1),
            Solver("algorithm_type", "dpmsolver++", ["dpmsolver++", "sde-dpmsolver++"], ["deis"]),
            Solver("solver_type", "midpoint", ["midpoint", "heun"], ["logrho", "bh1", "bh2"]),
            DiffusersSetting.Flag("lower_order_final", true), DiffusersSetting.Flag("euler_at_final", false), .. Thresholding,
        ]);

    // The number of timesteps has no effect.
    private static DiffusersSetting[] Grid =>
    [
        DiffusersSetting.Choice("sigma_schedule", "karras", "karras", "exponential"), DiffusersSetting.Positive("rho", 7), FinalSigmas,
        DiffusersSetting.Integer("num_train_timesteps", 1000, min: 1),
    ];
}

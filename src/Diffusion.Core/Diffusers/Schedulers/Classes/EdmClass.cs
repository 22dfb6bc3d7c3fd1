using static Diffusion.SharedSettings;

namespace Diffusion;

/// <summary>
/// EDM. <c>prediction_type</c> epsilon means EDM's preconditioned prediction, v_prediction the same with the opposite sign.
/// </summary>
internal static class EdmClass
{
    /// <summary>The standard deviation of the clean images.</summary>
    public const string DataKey = "sigma_data";

    private const string Noise = "epsilon";
    private const string Velocity = "v_prediction";

    public static DiffusersSchedulerClass Euler(string name) => new(name, Source(EdmSchedule.DefaultMinSigma,
        EdmSchedule.DefaultMaxSigma, Preconditioned), Grid("karras", 0.5, Noise));

    public static DiffusersSchedulerClass DpmMultistep(string name) => new(
        name,
        Source(EdmSchedule.DefaultMinSigma, EdmSchedule.DefaultMaxSigma, Preconditioned),
        [
            .. Grid("karras", 0.5, Noise), .. Multistep,
            Solver("algorithm_type", "dpmsolver++", ["dpmsolver++", "sde-dpmsolver++"], ["deis"]), .. Thresholding,
        ]);

    /// <summary>The SDE of DPM-Solver++ for networks whose label is an angle, as those of Stable Audio.</summary>
    public static DiffusersSchedulerClass Cosine(string name) => new(
        name,
        Source(0.3, 500, scheduler => new AngleLabelParameterization(Preconditioned(scheduler))),
        [.. Grid("exponential", 1, Velocity), .. Multistep]);

    /// <summary>Consistency models.</summary>
    public static DiffusersSchedulerClass Consistency(string name) => new(
        name,
        Source(EdmSchedule.DefaultMinSigma, EdmSchedule.DefaultMaxSigma, scheduler =>
            new ConsistencyParameterization((double)scheduler[DataKey]!, scheduler.Schedule.FirstTime)),
        [
            DiffusersSetting.Integer("num_train_timesteps", 40, min: 2), DiffusersSetting.Positive(DataKey, 0.5),
            DiffusersSetting.Positive("s_noise", 1), DiffusersSetting.Positive("rho", 7), DiffusersSetting.Flag("clip_denoised", true),
        ]);

    /// <summary>The settings that mean a preconditioning; of a scheduler with <see cref="PredictionType.Edm"/>.</summary>
    public static DiffusersScheduler With(DiffusersScheduler scheduler, EdmParameterization parameterization) => scheduler
        .With(DataKey, parameterization.DataDeviation)
        .With(DiffusersSource.PredictionKey, parameterization.IsNegative ? Velocity : Noise);

    private static EdmSource Source(double minSigma, double maxSigma, Func<DiffusersScheduler, IParameterization> parameterization) =>
        new(minSigma, maxSigma, parameterization);

    private static EdmParameterization Preconditioned(DiffusersScheduler scheduler) =>
        new((double)scheduler[DataKey]!, scheduler[DiffusersSource.PredictionKey] is Velocity);

    // The number of timesteps has no effect.
    private static DiffusersSetting[] Grid(string curve, double dataDeviation, string prediction) =>
    [
        DiffusersSetting.Positive(DataKey, dataDeviation),
        DiffusersSetting.Choice(DiffusersSource.PredictionKey, prediction, Noise, Velocity),
        DiffusersSetting.Choice("sigma_schedule", curve, "karras", "exponential"), DiffusersSetting.Positive("rho", 7), FinalSigmas,
        DiffusersSetting.Integer("num_train_timesteps", 1000, min: 1),
    ];

    private static DiffusersSetting[] Multistep =>
    [
        DiffusersSetting.Integer("solver_order", 2, min: 1),
        Solver("solver_type", "midpoint", ["midpoint", "heun"], ["logrho", "bh1", "bh2"]),
        DiffusersSetting.Flag("lower_order_final", true), DiffusersSetting.Flag("euler_at_final", false),
    ];
}

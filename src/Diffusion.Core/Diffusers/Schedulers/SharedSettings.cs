using static Diffusion.DiffusersSetting;

namespace Diffusion;

/// <summary>Keys that several scheduler classes share.</summary>
internal static class SharedSettings
{
    /// <summary>The parameters of dynamic thresholding.</summary>
    public static DiffusersSetting[] Thresholding { get; } =
    [
        Flag("thresholding", false),
        Number("dynamic_thresholding_ratio", 0.995) with
        {
            Range = (ratio => ratio is > 0 and <= 1, "must lie in (0, 1], usually 0.995."), Switch = "thresholding",
        },
        Number("sample_max_value", 1) with
        {
            Range = (max => max >= 1, "must be a number of at least 1, the range of an image."), Switch = "thresholding",
        },
    ];

    /// <summary>Curves over sigma.</summary>
    public static DiffusersSetting[] Curves { get; } =
        [Flag("use_karras_sigmas", false), Flag("use_exponential_sigmas", false), Flag("use_beta_sigmas", false)];

    /// <summary>A shift of rectified flow that depends on the size of the image, for solvers that can shift.</summary>
    public static DiffusersSetting[] DynamicShift { get; } =
        [Flag("use_dynamic_shifting", false), Choice("time_shift_type", "exponential", "exponential", "linear")];

    /// <summary>The sigma that the last step ends at.</summary>
    public static DiffusersSetting FinalSigmas { get; } = Choice("final_sigmas_type", "zero", "zero", "sigma_min");

    /// <summary>
    /// Whether the network also predicts the variance, which these solvers do not use: "learned" and "learned_range" say so, and any other
    /// string that it does not, as in files of DDPM.
    /// </summary>
    public static DiffusersSetting UnusedVariance { get; } =
        new("variance_type", DiffusersValueKind.Text, null) { IsOptional = true };

    /// <summary>Timesteps with a lower log-SNR are left out.</summary>
    public static DiffusersSetting MinLambda { get; } =
        new("lambda_min_clipped", DiffusersValueKind.AnyNumber, double.NegativeInfinity);

    /// <summary>Clipping of the clean image.</summary>
    public static DiffusersSetting[] Clipping(bool clips) =>
    [
        Flag("clip_sample", clips),
        Number("clip_sample_range", 1) with
        {
            Range = (range => range > 0, "must be a number above 0, usually 1."), Switch = "clip_sample",
        },
    ];

    /// <summary>How steps are spaced over the timesteps.</summary>
    /// <param name="spacing">The default.</param>
    public static DiffusersSetting[] Spacing(string spacing) =>
        [Choice("timestep_spacing", spacing, "leading", "linspace", "trailing"), Integer("steps_offset", 0, min: 0)];

    /// <summary>A choice of a solver, which also accepts what files of other solvers say.</summary>
    /// <param name="name">The key.</param>
    /// <param name="value">The default, which replaces the strings of other solvers.</param>
    /// <param name="choices">The strings of this solver.</param>
    /// <param name="ofOthers">The strings of other solvers.</param>
    public static DiffusersSetting Solver(string name, string value, string[] choices, string[] ofOthers) =>
        Choice(name, value, choices) with { OldNames = ofOthers.ToDictionary(other => other, _ => value, StringComparer.Ordinal) };
}

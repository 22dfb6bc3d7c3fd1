namespace Diffusion.Sampling;

/// <summary>The grids and the clipping that several of diffusers' schedulers share.</summary>
internal static class DiffusersGrids
{
    // diffusers reads the alpha-bar of pure noise as 2^-24.
    private static readonly double SigmaOfPureNoise = Math.Sqrt((1 << 24) - 1);

    private static readonly (string Key, Func<CurveGrid> Create)[] Curves =
    [
        ("use_karras_sigmas", () => new KarrasGrid()), ("use_lu_lambdas", () => new ExponentialGrid()),
        ("use_exponential_sigmas", () => new ExponentialGrid()), ("use_beta_sigmas", () => new BetaGrid()),
    ];

    /// <summary>Timesteps.</summary>
    /// <remarks>diffusers adds the offset to leading timesteps only.</remarks>
    public static TimestepGrid Timesteps(DiffusersSettings settings) => Spacing(settings) is var spacing
        && spacing == TimestepSpacing.Leading
        ? new TimestepGrid(spacing) { StepsOffset = settings.Integer("steps_offset") }
        : new TimestepGrid(spacing);

    /// <summary>The curve over sigma that the settings choose; null for none.</summary>
    public static CurveGrid? Curve(DiffusersSettings settings)
    {
        (string Key, Func<CurveGrid> Create)[] chosen = [.. Curves.Where(curve => settings.Flag(curve.Key))];
        foreach ((string key, _) in chosen.Skip(1))
        {
            settings.Refuse(isRefused: true, key, $"{chosen[0].Key} is true as well. Only one curve can be chosen.");
        }

        return chosen.Length == 0 ? null : chosen[0].Create() with
        {
            MinRatio = settings.Number("sigma_min"), MaxRatio = settings.Number("sigma_max"),
            PureNoiseRatio = settings.Schedule is DiscreteSchedule ? SigmaOfPureNoise : null,
        };
    }

    /// <summary>A shift of the noise by the size of an image; 1 without it.</summary>
    public static double DynamicShift(DiffusersSettings settings)
    {
        if (!settings.Flag("use_dynamic_shifting"))
        {
            return 1;
        }

        settings.Refuse(settings.Tokens is null, "use_dynamic_shifting", "the shift depends on the size of the image. Pass tokens.");
        double minTokens = settings.Number("base_image_seq_len") ?? 256;
        double maxTokens = settings.Number("max_image_seq_len") ?? 4096;
        double minShift = settings.Number("base_shift") ?? 0.5;
        double maxShift = settings.Number("max_shift") ?? 1.15;
        double share = ((settings.Tokens ?? minTokens) - minTokens) / (maxTokens - minTokens);
        double mu = minShift + ((maxShift - minShift) * share);

        // The shift of the schedule has no effect beside this one.
        double shift = settings.Text("time_shift_type") == "linear" ? mu : Math.Exp(mu);
        return shift / (settings.Schedule is FlowSchedule flow ? flow.Shift : 1);
    }

    /// <summary>Another grid with a shift and a terminal value of the noise's fraction, where there are any.</summary>
    public static ISamplingGrid Shifted(ISamplingGrid grid, double shift, double? terminal) =>
        shift == 1 && terminal is null ? grid : new ShiftedGrid(grid, shift) { Terminal = terminal };

    /// <summary>Whether the last step ends at the clean image.</summary>
    public static bool EndsClean(DiffusersSettings settings) => settings.Text("final_sigmas_type") != "sigma_min";

    /// <summary>The clipping of the clean image.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="keepsNoise">Whether the estimate of the noise stays that of the unclipped image.</param>
    public static SampleClipping Clipping(DiffusersSettings settings, bool keepsNoise = false) =>
        settings.Flag("thresholding")
            ? SampleClipping.DynamicThreshold(settings.Number("dynamic_thresholding_ratio")!.Value,
                settings.Number("sample_max_value")!.Value) with { KeepsNoise = keepsNoise }
        : settings.Flag("clip_sample")
            ? SampleClipping.ClipTo(settings.Number("clip_sample_range")!.Value) with { KeepsNoise = keepsNoise }
        : SampleClipping.None;

    private static TimestepSpacing Spacing(DiffusersSettings settings) => settings.Text("timestep_spacing") switch
    {
        "leading" => TimestepSpacing.Leading,
        "trailing" => TimestepSpacing.Trailing,
        _ => TimestepSpacing.Linspace,
    };
}

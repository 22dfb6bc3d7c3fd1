using static Diffusion.SharedSettings;

namespace Diffusion;

/// <summary>Rectified flow.</summary>
internal static class FlowMatchClass
{
    public static DiffusersSchedulerClass Euler(string name) =>
        new(name, new FlowSource(), [.. Grid, DiffusersSetting.Flag("stochastic_sampling", false)]);

    public static DiffusersSchedulerClass Heun(string name) => new(name, new FlowSource(), []);

    public static DiffusersSchedulerClass Lcm(string name) => new(
        name,
        new FlowSource(),
        [
            .. Grid, new("scale_factors", DiffusersValueKind.Numbers, null) { IsOptional = true },
            new("upscale_mode", DiffusersValueKind.Text, "bicubic"),
        ]);

    private static DiffusersSetting[] Grid =>
    [
        .. Curves, .. DynamicShift, DiffusersSetting.Integer("base_image_seq_len", 256, min: 1),
        DiffusersSetting.Integer("max_image_seq_len", 4096, min: 1), DiffusersSetting.Number("base_shift", 0.5),
        DiffusersSetting.Number("max_shift", 1.15), DiffusersSetting.OptionalPositive("shift_terminal"),
        DiffusersSetting.Flag("invert_sigmas", false),
    ];
}

namespace Diffusion;

/// <summary>diffusers' names of classes.</summary>
internal static class DiffusersClasses
{
    public const string Library = "diffusers";
    public const string UNet = "UNet2DModel";
    public const string DdpmPipeline = "DDPMPipeline";
    public const string DdimPipeline = "DDIMPipeline";

    private const string DdpmScheduler = "DDPMScheduler";
    private const string DdimScheduler = "DDIMScheduler";

    public static string PipelineOf(DiffusersSchedulerKind kind) => kind == DiffusersSchedulerKind.Ddim ? DdimPipeline : DdpmPipeline;

    public static string SchedulerOf(DiffusersSchedulerKind kind) => kind == DiffusersSchedulerKind.Ddim ? DdimScheduler : DdpmScheduler;

    /// <summary>The scheduler of a name.</summary>
    /// <exception cref="FormatException">The scheduler is not supported.</exception>
    public static DiffusersSchedulerKind KindOf(string scheduler) => scheduler switch
    {
        DdpmScheduler => DiffusersSchedulerKind.Ddpm,
        DdimScheduler => DiffusersSchedulerKind.Ddim,
        _ => throw new FormatException(
            $"the scheduler \"{scheduler}\" is not supported; there are \"{DdpmScheduler}\" and \"{DdimScheduler}\". In Python, "
            + $"{DdimScheduler}.from_config(pipe.scheduler.config) makes one of another."),
    };
}

namespace Diffusion;

/// <summary>diffusers' names of classes.</summary>
internal static class DiffusersClasses
{
    public const string Library = "diffusers";
    public const string UNet = "UNet2DModel";
    public const string DdpmPipeline = "DDPMPipeline";
    public const string DdimPipeline = "DDIMPipeline";

    public const string DdimScheduler = "DDIMScheduler";

    /// <summary>The pipeline of a scheduler: DDPM's runs with any.</summary>
    public static string PipelineOf(string scheduler) => scheduler == DdimScheduler ? DdimPipeline : DdpmPipeline;
}

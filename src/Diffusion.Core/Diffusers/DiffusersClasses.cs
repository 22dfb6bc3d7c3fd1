namespace Diffusion;

/// <summary>diffusers' names of classes.</summary>
internal static class DiffusersClasses
{
    public const string Library = "diffusers";
    public const string UNet = "UNet2DModel";
    public const string DdpmPipeline = "DDPMPipeline";
    public const string DdimPipeline = "DDIMPipeline";
    public const string ConsistencyPipeline = "ConsistencyModelPipeline";

    public const string DdimScheduler = "DDIMScheduler";
    public const string ConsistencyScheduler = "CMStochasticIterativeScheduler";

    /// <summary>The pipelines that are supported.</summary>
    public static IReadOnlyList<string> Pipelines { get; } = [DdpmPipeline, DdimPipeline, ConsistencyPipeline];

    /// <summary>The pipeline of a scheduler: DDPM's runs with any but that of consistency models.</summary>
    public static string PipelineOf(string scheduler) => scheduler switch
    {
        DdimScheduler => DdimPipeline,
        ConsistencyScheduler => ConsistencyPipeline,
        _ => DdpmPipeline,
    };
}

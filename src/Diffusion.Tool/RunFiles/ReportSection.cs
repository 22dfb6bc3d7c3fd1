namespace Diffusion.Tool.RunFiles;

/// <summary>The page of the run, <c>report.html</c> in its folder, with grids of sampled images.</summary>
internal sealed class ReportSection
{
    /// <summary>Optimizer steps between two grids. Default null: a tenth of the run, at least 100.</summary>
    public int? EverySteps { get; set; }

    /// <summary>The number of images in a grid; 0 for no grids. Default 16.</summary>
    public int Samples { get; set; } = 16;

    /// <summary>The name of the sampler. Default <c>dpm-solver</c>.</summary>
    public string Sampler { get; set; } = "dpm-solver";

    /// <summary>The steps of the sampler, at least 1. Default 20; null for its usual number.</summary>
    public int? Steps { get; set; } = 20;

    /// <summary>The scale of classifier-free guidance. Default 1: none. Any other needs a run with label dropout.</summary>
    public double Guidance { get; set; } = 1;

    /// <summary>
    /// Whether a plan is measured before the run starts and compared with it; several processes measure it together. Default false.
    /// </summary>
    public bool Plan { get; set; }

    /// <summary>The folder of files for TensorBoard: the reports of the run and the grids. Default null: none.</summary>
    public string? TensorBoard { get; set; }
}

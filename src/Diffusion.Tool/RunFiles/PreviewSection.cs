namespace Diffusion.Tool.RunFiles;

/// <summary>Grids of images that are sampled during training and saved in the folder <c>previews</c> of the run.</summary>
internal sealed class PreviewSection
{
    /// <summary>Optimizer steps between two grids. Default null: none.</summary>
    public int? EverySteps { get; set; }

    /// <summary>The number of images. Default 16.</summary>
    public int Count { get; set; } = 16;

    /// <summary>The name of the sampler. Default <c>ddim</c>.</summary>
    public string Sampler { get; set; } = "ddim";

    /// <summary>The steps of the sampler. Default null: its usual number.</summary>
    public int? Steps { get; set; }

    /// <summary>The scale of classifier-free guidance. Default 1: none.</summary>
    public double Guidance { get; set; } = 1;
}

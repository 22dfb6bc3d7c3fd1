using Diffusion.Sampling;

namespace Diffusion.Tool.Sampling;

/// <summary>Chooses the sampler for a trained model.</summary>
internal static class FolderSampler
{
    private const string Default = "ddim";

    /// <summary>The named sampler, or that of the scheduler in a folder of diffusers, or DDIM.</summary>
    /// <param name="folder">The folder of the model.</param>
    /// <param name="name">The name of the sampler; null for none.</param>
    /// <param name="steps">The number of steps; null for the usual one.</param>
    public static ISampler Of(string folder, string? name, int? steps)
    {
        string scheduler = Path.Combine(folder, "scheduler", "scheduler_config.json");
        return name is null && File.Exists(scheduler)
            ? DiffusersScheduler.FromJson(File.ReadAllText(scheduler)).ToSampler(steps)
            : SamplerNames.Create(name ?? Default, steps);
    }
}

using Diffusion.Sampling;
using Diffusion.Tool.Terminal;

namespace Diffusion.Tool.Sampling;

/// <summary>The samplers by the names that users type.</summary>
internal static class SamplerNames
{
    private static readonly Dictionary<string, StepSampler> Samplers = new(StringComparer.OrdinalIgnoreCase)
    {
        ["ddim"] = new DdimSampler(),
        ["ddpm"] = new DdpmSampler(),
        ["deis"] = new DeisSampler(),
        ["dpm2"] = new Dpm2Sampler(),
        ["dpm-solver"] = new DpmSolver(),
        ["dpm-solver-2s"] = new DpmSolver2S(),
        ["dpm-solver-sde"] = new DpmSolverSde(),
        ["dpm-solver-singlestep"] = new DpmSolverSinglestep(),
        ["euler"] = new EulerSampler(),
        ["euler-ancestral"] = new EulerAncestralSampler(),
        ["heun"] = new HeunSampler(),
        ["lms"] = new LmsSampler(),
        ["pndm"] = new PndmSampler(),
        ["sa-solver"] = new SaSolver(),
        ["unipc"] = new UniPcSampler(),
    };

    /// <summary>The names.</summary>
    public static IReadOnlyCollection<string> All => Samplers.Keys;

    /// <summary>What is wrong with a name, with the remedy; null for a known one.</summary>
    public static string? Problem(string name) => Samplers.ContainsKey(name)
        ? null
        : $"{name}, but must be {string.Join(", ", All)}.{NearestName.Question(name, All)}";

    /// <summary>The sampler of a known name.</summary>
    /// <param name="name">The name.</param>
    /// <param name="steps">The number of steps; null for the usual one.</param>
    /// <exception cref="ToolUsageException">The name is unknown.</exception>
    public static ISampler Create(string name, int? steps) => Problem(name) is { } problem
        ? throw new ToolUsageException($"The sampler is {problem}")
        : Samplers[name] with { Steps = steps };
}

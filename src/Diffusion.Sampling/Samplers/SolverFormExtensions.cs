using TorchSharp;

namespace Diffusion.Sampling;

/// <summary>The estimate that a form integrates.</summary>
internal static class SolverFormExtensions
{
    /// <summary>The estimate of the form.</summary>
    public static torch.Tensor Of(this SolverForm form, Estimate estimate) =>
        form == SolverForm.Data ? estimate.Clean : estimate.Noise;

    /// <summary>The kept estimates of the form.</summary>
    public static torch.Tensor[] Of(this SolverForm form, PastEstimate[] past) =>
        [.. past.Select(kept => (form == SolverForm.Data ? kept.Clean : kept.Noise)!)];

    /// <summary>What a step keeps: the estimate of the form, and the noisy images where a later step starts from them again.</summary>
    public static PastEstimate Keep(this SolverForm form, NoiseLevel at, Estimate estimate, torch.Tensor? sample = null) =>
        form == SolverForm.Data
            ? new PastEstimate(at, Clean: estimate.Clean, Sample: sample)
            : new PastEstimate(at, Noise: estimate.Noise, Sample: sample);
}

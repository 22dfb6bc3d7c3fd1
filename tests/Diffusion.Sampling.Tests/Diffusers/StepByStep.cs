using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests.Diffusers;

/// <summary>Runs a sampler and keeps the images after each step.</summary>
internal static class StepByStep
{
    /// <summary>Runs a sampler from given noise.</summary>
    /// <param name="sampler">The sampler.</param>
    /// <param name="denoiser">The network.</param>
    /// <param name="levels">The levels of the grid.</param>
    /// <param name="start">The noisy images at the first level.</param>
    /// <param name="noise">The noise of the steps.</param>
    public static List<Tensor> Run(StepSampler sampler, IDenoiser denoiser, IReadOnlyList<NoiseLevel> levels, Tensor start,
        IStepNoise noise)
    {
        IDenoiser clipped = sampler.Clipping == SampleClipping.None ? denoiser : new ClippingDenoiser(denoiser, sampler.Clipping);
        SamplingWalk walk = new(clipped, Conditioning.None, levels, start, noise, (_, _, _) => { }, CancellationToken.None);
        List<PastEstimate> past = [];
        List<Tensor> after = [];
        Tensor x = start;
        for (int i = 0; i < levels.Count - 1; i++)
        {
            x = sampler.Advance(new SamplingStep(walk, i, past), x, past);
            after.Add(x);
        }

        return after;
    }
}

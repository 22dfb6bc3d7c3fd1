using Diffusion.Sampling;
using Diffusion.Training;
using static TorchSharp.torch;

namespace Diffusion.Reporting;

/// <summary>The images of a request, which the processes of a run sample together.</summary>
/// <param name="everySteps">The number of optimizer steps between two samplings.</param>
/// <param name="sampler">The sampler.</param>
/// <param name="request">The images.</param>
/// <param name="use">Receives the images on rank 0.</param>
internal sealed class RequestedSamples(int everySteps, ISampler sampler, SampleRequest request, Action<TrainingSamples> use)
    : ISharedSamples
{
    /// <inheritdoc/>
    public int EverySteps => everySteps;

    /// <inheritdoc/>
    public int Count => request.Count;

    /// <inheritdoc/>
    public ImageShape? Shape => request.Shape;

    /// <inheritdoc/>
    public string Description => FormattableString.Invariant(
        $"every {everySteps} steps {request.Count} images{OfShape}{OfClasses} from {request.FirstIndex} of seed {request.Seed} with ")
            + Text;

    private string OfShape => request.Shape is { } shape ? $" of {shape}" : string.Empty;

    private string OfClasses => request.ClassLabels is { } labels ? $" of the classes {string.Join(' ', labels)}" : string.Empty;

    // The options of a sampler that steps through a grid are part of its text.
    private string Text => sampler is StepSampler ? $"{sampler}" : Name;

    private string Name => sampler.GetType().Name;

    /// <inheritdoc/>
    public IEnumerable<string> Problems(Denoiser denoiser, int processes)
    {
        bool dependOnEachOther = !sampler.TreatsImagesAlone && Math.Min(request.BatchSize, request.Count) > 1;
        return
        [
            .. request.Problems(denoiser),
            .. sampler is StepSampler steps ? steps.AllProblems(denoiser.Schedule) : [],
            .. processes > 1 && dependOnEachOther
                ? [$"{Name} lets the images of a batch depend on each other, so that {processes} processes would sample other images than "
                    + $"one. Use a BatchSize of 1 instead of {request.BatchSize}, or another sampler."]
                : Array.Empty<string>(),
        ];
    }

    /// <inheritdoc/>
    public Tensor Sample(Denoiser denoiser, int first, int count, CancellationToken cancellationToken) =>
        sampler.Sample(denoiser, request.Part(first, count), cancellationToken: cancellationToken); // [count, C, H, W]

    /// <inheritdoc/>
    public void Use(TrainingSamples samples) => use(samples);
}

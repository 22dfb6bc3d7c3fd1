using TorchSharp;

namespace Diffusion.Training;

/// <summary>Images that all processes of a run sample together at regular intervals, each process its share.</summary>
internal interface ISharedSamples
{
    /// <summary>The number of optimizer steps between two samplings.</summary>
    int EverySteps { get; }

    /// <summary>The number of images, over all processes.</summary>
    int Count { get; }

    /// <summary>The shape of the images; null for that of the training images.</summary>
    ImageShape? Shape { get; }

    /// <summary>What is sampled, in the same words in each process.</summary>
    string Description { get; }

    /// <summary>Returns why the images cannot be sampled, each reason with its remedy; empty if they can.</summary>
    /// <param name="denoiser">The model.</param>
    /// <param name="processes">The number of processes.</param>
    IEnumerable<string> Problems(Denoiser denoiser, int processes);

    /// <summary>Samples some of the images: the same as if one process sampled all of them.</summary>
    /// <param name="denoiser">The model.</param>
    /// <param name="first">The place of the first of these images among all, from 0.</param>
    /// <param name="count">The number of these images, at least 1.</param>
    /// <param name="cancellationToken">Ends the sampling.</param>
    /// <returns>float32 <c>[count, C, H, W]</c> on the CPU.</returns>
    torch.Tensor Sample(Denoiser denoiser, int first, int count, CancellationToken cancellationToken);

    /// <summary>Uses all images. Called on rank 0.</summary>
    /// <param name="samples">The images.</param>
    void Use(TrainingSamples samples);
}

using Diffusion.Sampling;

namespace Diffusion.Hosting;

/// <summary>The options of a <see cref="HostedSampler"/>.</summary>
public sealed class HostedSamplerOptions
{
    /// <summary>The sampler of all requests. Default: <see cref="DpmSolver"/> with 20 steps.</summary>
    public ISampler Sampler { get; set; } = new DpmSolver { Steps = 20 };

    /// <summary>How many requests may wait, at least 1. A further one is refused at once. Default 64.</summary>
    public int QueueCapacity { get; set; } = 64;

    /// <summary>
    /// How many images of all requests in a pass go through the network at a time, at least 1. Default 16. It affects memory and speed; the
    /// images stay the same up to rounding.
    /// </summary>
    public int MaxBatchSize { get; set; } = 16;

    /// <summary>How many images a request may ask for, at least 1. A request for more is refused by the call. Default 1024.</summary>
    public int MaxImagesPerRequest { get; set; } = 1024;

    /// <summary>
    /// Whether the model is opened anew for each pass, for a model that is being trained. Default false: it is opened for the first request
    /// and kept until the host stops.
    /// </summary>
    public bool ReopensModel { get; set; }

    /// <summary>Wraps the model, for example for guidance. Default null: the model itself.</summary>
    public Func<Denoiser, IDenoiser>? Denoiser { get; set; }
}

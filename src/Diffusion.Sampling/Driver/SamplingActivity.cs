using System.Diagnostics;

namespace Diffusion.Sampling;

/// <summary>The spans of sampling for tracing: source <c>Diffusion.Sampling</c>, span <c>diffusion.sample</c>.</summary>
internal static class SamplingActivity
{
    /// <summary>The name of the source.</summary>
    public const string SourceName = "Diffusion.Sampling";

    private static readonly ActivitySource Source = new(SourceName);

    /// <summary>Starts the span of a call of a sampler; null if nobody listens.</summary>
    /// <param name="images">The number of images.</param>
    /// <param name="shape">Their shape.</param>
    public static Activity? Start(int images, ImageShape shape) => Source.StartActivity("diffusion.sample")?
        .SetTag("diffusion.images", images).SetTag("diffusion.shape", shape.ToString());
}

using Diffusion.Data;
using Diffusion.Training;

namespace Diffusion.Benchmarks;

/// <summary>A set of image files in one kind of container.</summary>
/// <param name="Name">The name in the table.</param>
/// <param name="Open">Opens it; the source belongs to the caller.</param>
internal sealed record LoadingCase(string Name, Func<IImageSource> Open);

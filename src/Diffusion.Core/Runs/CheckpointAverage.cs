using System.Globalization;

namespace Diffusion;

/// <summary>One average of the weights, as a manifest lists it.</summary>
/// <param name="Law">The law of its decay, as options name it.</param>
/// <param name="File">The name of its file.</param>
internal sealed record CheckpointAverage(string Law, string File)
{
    /// <summary>Returns the law of an average for which an earlier version of the library wrote only the maximum of its decay.</summary>
    public static string LawOf(double decay) => string.Create(CultureInfo.InvariantCulture, $"warmup(max-decay: {decay:R})");
}

using Diffusion.Data;
using TorchSharp;

namespace Diffusion.Training;

/// <summary>Compares the samples of a preview with the data, once the run is old enough for recognizable samples.</summary>
/// <param name="data">Statistics of the training images.</param>
/// <param name="options">The options of the run.</param>
internal sealed class SampleChecks(ImageStatistics data, TrainingOptions options)
{
    private const double JudgedAfter = 0.75; // until then, the samples of a run that ends well may still be noise
    private const long MinSteps = 1000; // samples of younger networks may be noise at any learning rate

    private readonly ColorCheck colors = new(data);
    private readonly DetailCheck detail = new(data, options);
    private readonly SpreadCheck spread = new(data);

    /// <summary>Checks samples.</summary>
    /// <param name="samples">Samples in [-1, 1], floating point <c>[N, C, H, W]</c>.</param>
    /// <param name="step">The number of optimizer steps taken.</param>
    /// <param name="rollbacks">How often the run has rolled back.</param>
    /// <returns>The findings.</returns>
    /// <exception cref="ArgumentException">The samples do not have the shape of the data.</exception>
    public IEnumerable<HealthFinding> Look(torch.Tensor samples, long step, int rollbacks)
    {
        if (samples.dim() != 4 || samples.shape[1] != data.Means.Count)
        {
            throw new ArgumentException(
                $"The samples have the shape [{string.Join(", ", samples.shape)}], but must have the shape [N, {data.Means.Count}, H, W] "
                + "like the data.",
                nameof(samples));
        }

        if (step < Math.Max(MinSteps, options.Steps * JudgedAfter))
        {
            return [];
        }

        HealthFinding?[] found = [colors.Look(samples, step), detail.Look(samples, step, rollbacks), spread.Look(samples, step)];
        return found.OfType<HealthFinding>();
    }
}

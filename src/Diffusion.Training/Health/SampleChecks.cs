using Diffusion.Data;
using TorchSharp;

namespace Diffusion.Training;

/// <summary>Compares the samples of a preview with the data, once the run is old enough for recognizable samples.</summary>
/// <param name="data">Statistics of the training images.</param>
/// <param name="options">The options of the run.</param>
internal sealed class SampleChecks(ImageStatistics data, TrainingOptions options)
{
    private const double ColorsAfter = 0.2;
    private const double DetailAfter = 0.75; // until then, noise still leaves the samples of a run that ends well
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
        HealthFinding?[] found =
        [
            IsAfter(step, ColorsAfter) ? colors.Look(samples, step) : null,
            IsAfter(step, DetailAfter) ? detail.Look(samples, step, rollbacks) : null,
            IsAfter(step, DetailAfter) ? spread.Look(samples, step) : null,
        ];
        return found.OfType<HealthFinding>();
    }

    private bool IsAfter(long step, double fraction) => step >= Math.Max(MinSteps, options.Steps * fraction);
}

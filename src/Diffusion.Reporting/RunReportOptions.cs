using Diffusion.Sampling;
using Diffusion.Training;

namespace Diffusion.Reporting;

/// <summary>What the page of a run contains, see <see cref="TrainerBuilderExtensions.WriteReport"/>.</summary>
public sealed record RunReportOptions
{
    /// <summary>The maximum of <see cref="Samples"/>: 256.</summary>
    public const int MaxSamples = 256;

    /// <summary>
    /// The number of optimizer steps between two grids of samples, at least 1. Null, the default, for a tenth of the run, at least 100. The
    /// last step always gets a grid.
    /// </summary>
    public int? SampleEverySteps { get; init; }

    /// <summary>The number of images in a grid, 0 to 256. Default 16; 0 for no grids. The classes of a model take turns.</summary>
    public int Samples { get; init; } = 16;

    /// <summary>The sampler. Default: <see cref="DpmSolver"/> with 20 steps.</summary>
    public ISampler Sampler { get; init; } = new DpmSolver { Steps = 20 };

    /// <summary>
    /// The scale of classifier-free guidance, at least 0. Default 1: none. Any other needs a run with
    /// <see cref="ObjectiveOptions.LabelDropout"/>.
    /// </summary>
    public double Guidance { get; init; } = 1;

    /// <summary>The seed of the samples. It is the same for every grid, so the same images appear in all of them. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary>The plan of the run, which the page compares with the run: <see cref="TrainerBuilder.Plan"/>. Default none.</summary>
    public TrainingPlan? Plan { get; init; }

    /// <summary>Also receives the grids. Default none.</summary>
    public TensorBoardWriter? TensorBoard { get; init; }

    /// <summary>The minimum time between two versions of the page while the run trains. Default one minute.</summary>
    public TimeSpan UpdateEvery { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Each impossible value, with its remedy.</summary>
    internal IEnumerable<string> Problems => ((string?[])
    [
        SampleEverySteps is null or >= 1
            ? null
            : $"SampleEverySteps ({SampleEverySteps}) must be at least 1. Leave it out for a tenth of the run.",
        Samples is >= 0 and <= MaxSamples ? null : $"Samples ({Samples}) must be 0 to {MaxSamples}. Use 16.",
        Sampler is null ? "Sampler is null. Leave it out for DpmSolver with 20 steps." : null,
        Guidance is >= 0 and < double.PositiveInfinity
            ? null
            : $"Guidance ({Guidance}) must be a finite number of at least 0. Use 1 for none.",
        UpdateEvery >= TimeSpan.Zero ? null : $"UpdateEvery ({UpdateEvery}) must not be negative. Use one minute.",
    ]).OfType<string>();
}

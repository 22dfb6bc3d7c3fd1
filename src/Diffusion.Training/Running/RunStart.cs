using Diffusion.Data;

namespace Diffusion.Training;

/// <summary>The parts of a run that is about to start.</summary>
public sealed record RunStart
{
    /// <summary>The name of the run, see <see cref="TrainerBuilder.UseTelemetry"/>.</summary>
    public required string Name { get; init; }

    /// <summary>The options. Changes have no effect.</summary>
    public required TrainingOptions Options { get; init; }

    /// <summary>The images, which belong to the caller of <see cref="TrainerBuilder.UseData"/>.</summary>
    public required IImageSource Images { get; init; }

    /// <summary>The number of images that are held out from training.</summary>
    public required long HeldOutImages { get; init; }

    /// <summary>The device.</summary>
    public required ComputeDevice Device { get; init; }

    /// <summary>The number of parameters of the network.</summary>
    public required long ParameterCount { get; init; }

    /// <summary>The number of classes of the network; null for a network without classes.</summary>
    public required int? ModelClasses { get; init; }

    /// <summary>The number of optimizer steps taken before this start; 0 for a new run.</summary>
    public required long Step { get; init; }

    /// <summary>The colors and the detail of the images.</summary>
    internal ImageStatistics? Statistics { get; init; }

    /// <summary>The clock of the run.</summary>
    internal TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>
    /// The step at which samples should become recognizable, by a rule of thumb: <see cref="TrainingPlan.FirstSamplesStep"/>.
    /// </summary>
    public required long FirstSamplesStep { get; init; }

    /// <summary>The unusual settings of the run.</summary>
    public required IReadOnlyList<TrainingWarning> Warnings { get; init; }
}

using Diffusion.Data;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Diffusion.Training;

/// <summary>What a builder was given so far, unchecked; null where a part was not given and has no default.</summary>
internal sealed class GivenParts(IDiffusionModel model)
{
    /// <summary>The model.</summary>
    public IDiffusionModel Model { get; } = model;

    /// <summary>How the options are edited.</summary>
    public OptionEdits Edits { get; } = new();

    /// <summary>Mistakes in the calls themselves.</summary>
    public List<string> Problems { get; } = [];

    /// <summary>Who hears of progress.</summary>
    public List<IProgress<TrainingProgress>> Observers { get; } = [];

    /// <summary>Who hears of findings.</summary>
    public List<IProgress<HealthFinding>> FindingObservers { get; } = [];

    /// <summary>The previews.</summary>
    public List<TrainerSetup.Preview> Previews { get; } = [];

    /// <summary>Where to train.</summary>
    public ComputeDevice? Device { get; set; }

    /// <summary>The schedule.</summary>
    public INoiseSchedule? Schedule { get; set; }

    /// <summary>The images.</summary>
    public IImageSource? Source { get; set; }

    /// <summary>The parts of the objective that no option names.</summary>
    public ObjectiveParts Objective { get; set; } = new(null, null, null, null);

    /// <summary>The optimizer.</summary>
    public IOptimizerFactory Optimizer { get; set; } = new AdamWFactory();

    /// <summary>Where the trainer logs.</summary>
    public ILogger Logger { get; set; } = NullLogger.Instance;

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; set; } = TimeProvider.System;
}

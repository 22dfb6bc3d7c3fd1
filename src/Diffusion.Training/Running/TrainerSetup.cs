using Diffusion.Data;
using Microsoft.Extensions.Logging;

namespace Diffusion.Training;

/// <summary>The checked parts of a trainer.</summary>
internal sealed record TrainerSetup(
    IDiffusionModel Model,
    IImageSource Source,
    ImageStatistics Images,
    ComputeDevice Device,
    TrainingOptions Options,
    INoiseSchedule Schedule,
    IObjective Objective,
    IOptimizerFactory Optimizer,
    ILogger Logger,
    TimeProvider Time,
    IReadOnlyList<IProgress<TrainingProgress>> Observers,
    IReadOnlyList<IProgress<HealthFinding>> FindingObservers,
    IReadOnlyList<TrainerSetup.Preview> Previews)
{
    /// <summary>The name of the run in metrics, spans and logs.</summary>
    public required string Run { get; init; }

    /// <summary>The metrics of the run.</summary>
    public required TrainingMetrics Metrics { get; init; }

    /// <summary>The processes that share the run; null if this process trains alone.</summary>
    public RunProcesses? Processes { get; init; }

    /// <summary>The number of images of a step in this process.</summary>
    public int Share => Options.BatchSize / (Processes?.Group.WorldSize ?? 1);

    /// <summary>The number of images per forward and backward pass.</summary>
    public int MicroBatchSize => Options.MicroBatchSize ?? Share;

    /// <summary>The images that all processes sample together.</summary>
    public IReadOnlyList<ISharedSamples> Samples { get; init; } = [];

    /// <summary>The observers of the whole run. Their reports, findings and previews are also in the lists of these.</summary>
    public IReadOnlyList<IRunObserver> RunObservers { get; init; } = [];

    /// <summary>A callback that is called at regular intervals.</summary>
    /// <param name="EverySteps">The number of optimizer steps between two calls.</param>
    /// <param name="Action">The callback.</param>
    /// <param name="AlsoAtEnd">Whether it is also called after the last step of the run.</param>
    public sealed record Preview(int EverySteps, Action<TrainingPreview> Action, bool AlsoAtEnd = false)
    {
        /// <summary>Whether the callback is due after a step.</summary>
        public bool IsDue(long step, long steps) => step % EverySteps == 0 || (AlsoAtEnd && step == steps);
    }
}

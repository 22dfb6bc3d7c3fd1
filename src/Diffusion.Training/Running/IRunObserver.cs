namespace Diffusion.Training;

/// <summary>
/// Observes a run from its start to its end: its parts, reports, findings and previews. All calls are made on the training thread. If one
/// throws, the exception is logged and becomes a finding, and the run continues. With several processes, only rank 0 calls its observers.
/// </summary>
public interface IRunObserver : IProgress<TrainingProgress>, IProgress<HealthFinding>
{
    /// <summary>Lists the reasons why this observer cannot observe a run; <see cref="TrainerBuilder.Build"/> throws them.</summary>
    /// <param name="options">The options of the run.</param>
    /// <param name="model">The model of the run.</param>
    /// <returns>One sentence for each reason, with its remedy; empty if there is none.</returns>
    IReadOnlyList<string> Problems(TrainingOptions options, IDiffusionModel model) => [];

    /// <summary>
    /// The number of optimizer steps between two calls of <see cref="Preview"/>; null for none. A last call follows the last step of the
    /// run.
    /// </summary>
    /// <param name="options">The options of the run.</param>
    int? PreviewEverySteps(TrainingOptions options) => null;

    /// <summary>Called before the first step of each <see cref="Trainer.Run"/>.</summary>
    /// <param name="start">The run.</param>
    void Begin(RunStart start);

    /// <summary>Called at regular intervals, see <see cref="PreviewEverySteps"/>.</summary>
    /// <param name="preview">The averaged model.</param>
    void Preview(TrainingPreview preview);

    /// <summary>Called at the end of each <see cref="Trainer.Run"/>, after the last checkpoint was saved.</summary>
    /// <param name="end">How it ended.</param>
    void End(RunEnd end);
}

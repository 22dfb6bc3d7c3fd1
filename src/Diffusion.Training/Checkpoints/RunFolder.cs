namespace Diffusion.Training;

/// <summary>What a run leaves on disk: checkpoints, metrics, the list of bad images.</summary>
internal sealed class RunFolder
{
    private readonly TrainerSetup setup;
    private readonly CheckpointStore store;
    private long savedStep;

    /// <param name="setup">The run.</param>
    /// <param name="folder">Where; made if it is not there.</param>
    /// <exception cref="CheckpointException">The folder cannot be made or written to.</exception>
    public RunFolder(TrainerSetup setup, string folder)
    {
        this.setup = setup;
        store = new CheckpointStore(Path.Combine(folder, "checkpoints"), setup.Options.KeepCheckpoints);
        Metrics = new MetricsFile(folder);
        BadImages = new BadImageFile(folder);
    }

    /// <summary>The reports of the run.</summary>
    public MetricsFile Metrics { get; }

    /// <summary>The images that could not be read.</summary>
    public BadImageFile BadImages { get; }

    /// <summary>The folder of the checkpoint that was saved or read last; null before the first.</summary>
    public string? LastCheckpoint { get; private set; }

    /// <summary>Takes the newest checkpoint; false when there is none.</summary>
    /// <exception cref="CheckpointException">It cannot be read, or belongs to another run.</exception>
    public bool TryRestore(TrainingState state)
    {
        IReadOnlyList<string> changes = [];
        if (!store.LoadLatest(checkpoint => changes = state.Restore(checkpoint)))
        {
            return false;
        }

        LastCheckpoint = store.Latest;
        savedStep = state.Step;
        TrainingLog.Resumed(setup.Logger, LastCheckpoint!, state.Step);
        if (changes.Count > 0)
        {
            TrainingLog.ChangedOnResume(setup.Logger, string.Join("; ", changes));
        }

        return true;
    }

    /// <summary>Drops the lines that a run wrote beyond where this one begins: after a checkpoint, or before the first. They are written again.</summary>
    public void Cut(TrainingState state)
    {
        Metrics.CutAfter(state.Step);
        BadImages.CutFrom(state.ImagesSeen);
    }

    /// <summary>Saves a checkpoint, unless this step's is there.</summary>
    /// <exception cref="CheckpointException">It cannot be written.</exception>
    public void Save(TrainingState state)
    {
        if (state.Step != savedStep)
        {
            LastCheckpoint = store.Save(state.Snapshot());
            savedStep = state.Step;
            TrainingLog.Saved(setup.Logger, LastCheckpoint);
        }
    }
}

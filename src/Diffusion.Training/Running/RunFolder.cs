namespace Diffusion.Training;

/// <summary>The files of a run on disk: checkpoints, metrics, and the list of bad images.</summary>
internal sealed class RunFolder : IDisposable
{
    private readonly TrainerSetup setup;
    private readonly CheckpointStore store;
    private readonly BackgroundSaver saver;
    private readonly EmaSnapshotFolder snapshots;
    private long begunStep;
    private long savedStep;

    /// <param name="setup">The run.</param>
    /// <param name="folder">The folder. It is created if it does not exist.</param>
    /// <exception cref="CheckpointException">The folder cannot be created or written to, or another trainer uses it.</exception>
    public RunFolder(TrainerSetup setup, string folder)
    {
        this.setup = setup;
        folder = Path.GetFullPath(folder);
        CheckpointRetention retention = new()
        {
            Last = setup.Options.KeepCheckpoints,
            Best = setup.Options.KeepBestCheckpoints,
            EverySteps = setup.Options.KeepCheckpointsEverySteps,
        };
        store = new CheckpointStore(Path.Combine(folder, CheckpointFiles.Folder), retention);
        store.Lock();
        saver = new BackgroundSaver(store);
        snapshots = new EmaSnapshotFolder(folder);
        Metrics = new MetricsFile(folder);
        BadImages = new BadImageFile(folder);
    }

    /// <summary>The reports of the run.</summary>
    public MetricsFile Metrics { get; }

    /// <summary>The images that could not be read.</summary>
    public BadImageFile BadImages { get; }

    /// <summary>The folder of the checkpoint that was last saved or read; null before the first one.</summary>
    public string? LastCheckpoint { get; private set; }

    /// <summary>
    /// The warnings about the run that resumes here: different images, or damaged checkpoints that were set aside; empty if there are none.
    /// </summary>
    public IReadOnlyList<TrainingWarning> Warnings { get; private set; } = [];

    /// <summary>Restores the newest checkpoint; returns false if there is none.</summary>
    /// <exception cref="CheckpointException">The checkpoint cannot be read, or belongs to another run.</exception>
    public bool TryRestore(TrainingState state)
    {
        IReadOnlyList<string> changes = [];
        List<(string Path, string Reason)> damaged = [];
        bool isRestored = store.LoadLatest(
            checkpoint => changes = state.Restore(checkpoint, () => Cut(checkpoint.Manifest.Step, checkpoint.Manifest.ImagesSeen)),
            (path, reason) => damaged.Add((path, reason)));
        if (!isRestored)
        {
            Cut(step: 0, images: 0);
            return false;
        }

        LastCheckpoint = store.Latest;
        savedStep = state.Step;
        TrainingLog.Resumed(setup.Logger, LastCheckpoint!, state.Step);
        if (changes.Count > 0)
        {
            TrainingLog.ChangedOnResume(setup.Logger, string.Join("; ", changes));
        }

        Warnings =
        [
            .. damaged.Select(one => new TrainingWarning(
                nameof(TrainingOptions.RunFolder),
                $"a checkpoint is damaged and was renamed to '{one.Path}': {one.Reason} The run resumes from '{LastCheckpoint}' "
                + "instead. Check the disk and the memory, and delete the damaged checkpoint.")),
            .. state.UnusualChanges.Select(change => new TrainingWarning(
                "Data", $"the run in '{setup.Options.RunFolder}' resumes with different images: {change}. Use the original images, or "
                    + "another folder.")),
        ];
        return true;
    }

    /// <summary>Saves a checkpoint if there is none.</summary>
    /// <exception cref="CheckpointException">The checkpoint could not be saved.</exception>
    public void SaveFirst(TrainingState state)
    {
        if (LastCheckpoint is null)
        {
            SaveAgain(state);
        }
    }

    /// <summary>Restores the last checkpoint up to a step, or the first one after it. Deletes the later reports and checkpoints.</summary>
    /// <param name="state">The state to restore.</param>
    /// <param name="lastGoodStep">The step.</param>
    /// <exception cref="CheckpointException">The checkpoint cannot be read, or later ones cannot be deleted.</exception>
    public void RollBack(TrainingState state, long lastGoodStep)
    {
        Saved(saver.Finish());
        store.DropAfter(lastGoodStep);
        if (!TryRestore(state))
        {
            throw new CheckpointException(
                $"The run diverged, but no checkpoint is left in '{setup.Options.RunFolder}' to roll back to. Lower the learning rate "
                + "and start over.");
        }

        foreach (TrainingWarning warning in Warnings)
        {
            TrainingLog.Unusual(setup.Logger, warning);
        }
    }

    /// <summary>
    /// Starts to save a checkpoint, unless this step is already saved. The state may change as soon as this method returns.
    /// </summary>
    /// <exception cref="CheckpointException">The previous checkpoint could not be saved.</exception>
    public void BeginSave(TrainingState state)
    {
        if (state.Step != savedStep)
        {
            Saved(saver.Begin(state.Copy));
            begunStep = state.Step;
        }
    }

    /// <summary>Logs a checkpoint that has been saved since the last call. Does not wait.</summary>
    /// <exception cref="CheckpointException">The checkpoint could not be saved.</exception>
    public void Poll() => Saved(saver.Poll());

    /// <summary>Saves a checkpoint, unless this step is already saved.</summary>
    /// <exception cref="CheckpointException">The checkpoint could not be saved.</exception>
    public void Save(TrainingState state)
    {
        try
        {
            Saved(saver.Finish());
        }
        catch (CheckpointException problem)
        {
            TrainingLog.NotSaved(setup.Logger, problem); // The current state is newer, so only a failure to save it matters.
        }

        if (state.Step != savedStep)
        {
            SaveAgain(state);
        }
    }

    /// <summary>Saves a checkpoint, unless this step is already saved. If it fails, logs the error.</summary>
    public void TrySave(TrainingState state)
    {
        try
        {
            Save(state);
        }
        catch (CheckpointException problem)
        {
            TrainingLog.NotSaved(setup.Logger, problem);
        }
    }

    /// <summary>Saves a snapshot of each average that has a power function.</summary>
    /// <exception cref="CheckpointException">A snapshot could not be saved.</exception>
    public void SaveEmaSnapshots(TrainingState state)
    {
        try
        {
            for (int i = 0; i < state.Averages.Count; i++)
            {
                if (state.Averages[i].Law.SigmaRel is { } sigmaRel)
                {
                    EmaSnapshotName name = new(state.Step, sigmaRel);
                    state.Tensors.WithAverage(i, weights => snapshots.Save(name, weights));
                }
            }
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                $"The snapshots of the averages at step {state.Step} could not be saved in '{setup.Options.RunFolder}': {problem.Message} "
                + "Free disk space, or choose another folder.",
                problem);
        }
    }

    /// <summary>Saves a checkpoint even if this step is already saved.</summary>
    /// <exception cref="CheckpointException">The checkpoint could not be saved.</exception>
    public void SaveAgain(TrainingState state)
    {
        begunStep = state.Step;
        if (state.Shards is null)
        {
            Saved(store.Save(state.Snapshot()));
            return;
        }

        saver.Begin(state.Copy); // after a wait for the checkpoint before
        Saved(saver.Finish());
    }

    /// <summary>Waits for a checkpoint that is being saved, and releases the folder.</summary>
    public void Dispose()
    {
        try
        {
            Saved(saver.Finish());
        }
        catch (CheckpointException problem)
        {
            TrainingLog.NotSaved(setup.Logger, problem);
        }

        saver.Dispose();
        store.Dispose();
    }

    // The resumed run writes the later reports again.
    private void Cut(long step, long images)
    {
        try
        {
            Metrics.CutAfter(step);
            BadImages.CutFrom(images);
            snapshots.CutAfter(step);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                $"The reports of the run cannot be truncated to step {step}: {problem.Message} Free disk space, or choose another "
                + "folder.",
                problem);
        }
    }

    private void Saved(string? checkpoint)
    {
        if (checkpoint is not null)
        {
            LastCheckpoint = checkpoint;
            savedStep = begunStep;
            TrainingLog.Saved(setup.Logger, checkpoint);
        }
    }
}

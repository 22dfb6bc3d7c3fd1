namespace Diffusion.Training;

/// <summary>What a run leaves on disk: checkpoints, metrics, the list of bad images.</summary>
internal sealed class RunFolder : IDisposable
{
    private readonly TrainerSetup setup;
    private readonly CheckpointStore store;
    private readonly BackgroundSaver saver;
    private long begunStep;
    private long savedStep;

    /// <param name="setup">The run.</param>
    /// <param name="folder">Where; made if it is not there.</param>
    /// <exception cref="CheckpointException">The folder cannot be made or written to, or another trainer has it.</exception>
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
        Metrics = new MetricsFile(folder);
        BadImages = new BadImageFile(folder);
    }

    /// <summary>The reports of the run.</summary>
    public MetricsFile Metrics { get; }

    /// <summary>The images that could not be read.</summary>
    public BadImageFile BadImages { get; }

    /// <summary>The folder of the checkpoint that was saved or read last; null before the first.</summary>
    public string? LastCheckpoint { get; private set; }

    /// <summary>
    /// What is unusual about the run that resumes here: other images, checkpoints that were set aside; empty when nothing is.
    /// </summary>
    public IReadOnlyList<TrainingWarning> Warnings { get; private set; } = [];

    /// <summary>Takes the newest checkpoint; false when there is none.</summary>
    /// <exception cref="CheckpointException">It cannot be read, or belongs to another run.</exception>
    public bool TryRestore(TrainingState state)
    {
        IReadOnlyList<string> changes = [];
        List<(string Path, string Reason)> damaged = [];
        bool isThere = store.LoadLatest(
            checkpoint => changes = state.Restore(checkpoint, () => Cut(checkpoint.Manifest.Step, checkpoint.Manifest.ImagesSeen)),
            (path, reason) => damaged.Add((path, reason)));
        if (!isThere)
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
                $"a checkpoint is damaged and was set aside as '{one.Path}': {one.Reason} The run resumes from '{LastCheckpoint}' in its "
                    + $"place. Look after the disk or the memory, "
                + "and delete what was set aside.")),
            .. state.UnusualChanges.Select(change => new TrainingWarning(
                "Data", $"the run in '{setup.Options.RunFolder}' resumes with other images: {change}. Use the images it was begun with, "
                    + $"or another folder.")),
        ];
        return true;
    }

    /// <summary>Saves a checkpoint where there is none.</summary>
    /// <exception cref="CheckpointException">It could not be saved.</exception>
    public void SaveFirst(TrainingState state)
    {
        if (LastCheckpoint is null)
        {
            SaveAgain(state);
        }
    }

    /// <summary>
    /// Takes the last checkpoint up to a step once more, or the first one after it; what was reported and saved since is dropped.
    /// </summary>
    /// <param name="state">Takes it.</param>
    /// <param name="lastGoodStep">The step.</param>
    /// <exception cref="CheckpointException">It cannot be read, or later ones cannot be deleted.</exception>
    public void RollBack(TrainingState state, long lastGoodStep)
    {
        Saved(saver.Finish());
        store.DropAfter(lastGoodStep);
        if (!TryRestore(state))
        {
            throw new CheckpointException(
                $"The run diverged, but no checkpoint is left in '{setup.Options.RunFolder}' to go back to. Lower the learning rate and "
                    + $"begin anew.");
        }

        foreach (TrainingWarning warning in Warnings)
        {
            TrainingLog.Unusual(setup.Logger, warning);
        }
    }

    /// <summary>Begins to save a checkpoint, unless this step's is there. The state may change as soon as this returns.</summary>
    /// <exception cref="CheckpointException">The one before could not be saved.</exception>
    public void BeginSave(TrainingState state)
    {
        if (state.Step != savedStep)
        {
            Saved(saver.Begin(state.Snapshot()));
            begunStep = state.Step;
        }
    }

    /// <summary>Says so if a checkpoint was saved meanwhile. Waits for nothing.</summary>
    /// <exception cref="CheckpointException">It could not be saved.</exception>
    public void Poll() => Saved(saver.Poll());

    /// <summary>Saves a checkpoint, unless this step's is there.</summary>
    /// <exception cref="CheckpointException">It could not be saved.</exception>
    public void Save(TrainingState state)
    {
        try
        {
            Saved(saver.Finish());
        }
        catch (CheckpointException problem)
        {
            TrainingLog.NotSaved(setup.Logger, problem); // This state is newer; only its own failure counts.
        }

        if (state.Step != savedStep)
        {
            SaveAgain(state);
        }
    }

    /// <summary>Saves a checkpoint, unless this step's is there; where it cannot, the log says so.</summary>
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

    /// <summary>Saves a checkpoint in the place of this step's.</summary>
    /// <exception cref="CheckpointException">It could not be saved.</exception>
    public void SaveAgain(TrainingState state)
    {
        begunStep = state.Step;
        Saved(store.Save(state.Snapshot()));
    }

    /// <summary>Waits for a checkpoint that is being saved, and lets another trainer have the folder.</summary>
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

    // What a run wrote beyond where this one begins is written again.
    private void Cut(long step, long images)
    {
        try
        {
            Metrics.CutAfter(step);
            BadImages.CutFrom(images);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                $"The reports of the run cannot be cut back to step {step}: {problem.Message} Make room, or choose another folder.",
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

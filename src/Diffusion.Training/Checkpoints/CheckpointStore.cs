using System.Diagnostics.CodeAnalysis;

namespace Diffusion.Training;

/// <summary>
/// The checkpoints of a run, each in a folder (<c>step-000005000</c>) with <c>manifest.json</c>, <c>weights.safetensors</c>,
/// <c>ema.safetensors</c> and <c>optimizer.safetensors</c>. A checkpoint exists completely or not at all, even if the process or the
/// machine stops during a save. Older ones are deleted only after the newest is verified. One process may write while others read.
/// </summary>
/// <remarks>
/// A checkpoint may be a link to a folder elsewhere. The store reads through the link, and deletes only the link, never the target. If the
/// target is missing, for example on an unmounted disk, loading throws instead of skipping the checkpoint.
/// </remarks>
public sealed class CheckpointStore : IDisposable
{
    private readonly string given;
    private readonly IDisk disk;
    private readonly CheckpointRetention retention;
    private readonly CheckpointWriter writer;
    private string path;
    private CheckpointFolder folder;
    private CheckpointLock? held;

    /// <summary>Opens a folder of checkpoints. Writes nothing.</summary>
    /// <param name="folder">The folder of the checkpoints, or of a run. <see cref="Lock"/> creates it if it does not exist.</param>
    /// <param name="keepLast">The number of newest checkpoints to keep, at least 1. Default 2.</param>
    /// <param name="keepBest">The number of checkpoints with the lowest held-out loss to keep, 0 or more. Default 0.</param>
    /// <param name="keepEverySteps">Keeps checkpoints whose step is a multiple of this number. Null, the default, keeps none.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public CheckpointStore(string folder, int keepLast = 2, int keepBest = 0, long? keepEverySteps = null)
        : this(folder, new CheckpointRetention { Last = keepLast, Best = keepBest, EverySteps = keepEverySteps })
    {
    }

    internal CheckpointStore(string folder, CheckpointRetention retention, IDisk? disk = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        retention.Check();
        given = Path.GetFullPath(folder);
        this.disk = disk ?? new LocalDisk();
        this.retention = retention;
        Find();
        writer = new CheckpointWriter(this.disk);
    }

    /// <summary>The folder of the newest checkpoint, or null if there is none.</summary>
    public string? Latest
    {
        get
        {
            Find();
            return folder.Checkpoints is [.., CheckpointName last] ? folder.Of(last) : null;
        }
    }

    /// <summary>
    /// Locks the folder for writing by this store until it is disposed, and deletes what an interrupted process left behind.
    /// <see cref="Save"/> calls this method.
    /// </summary>
    /// <exception cref="CheckpointException">Another process has the lock, or the folder cannot be written to.</exception>
    public void Lock()
    {
        if (held is not null)
        {
            return;
        }

        Find();
        try
        {
            folder.Make();
            held = CheckpointLock.Take(path);
            folder.Sweep();
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            Dispose();
            throw new CheckpointException(
                $"Checkpoints cannot be written to '{path}': {problem.Message} Choose a folder that can be written to.", problem);
        }
    }

    /// <summary>Saves and verifies a checkpoint, and then deletes the checkpoints that the retention does not keep.</summary>
    /// <param name="checkpoint">The state. The store reads its tensors and keeps no reference to them.</param>
    /// <returns>The folder of the checkpoint.</returns>
    /// <exception cref="CheckpointException">
    /// The checkpoint cannot be written, or the folder contains one of a later step; the other checkpoints are unchanged. Or the checkpoint
    /// was written, but others could not be deleted. The message says which.
    /// </exception>
    public string Save(Checkpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        if (checkpoint.Manifest.ProblemToSave(checkpoint.Averages.Count) is { } invalid)
        {
            throw new ArgumentException(
                $"The checkpoint cannot be saved because it could not be loaded again: {invalid}", nameof(checkpoint));
        }

        Lock();
        long step = checkpoint.Manifest.Step;
        if (folder.Checkpoints is [.., CheckpointName newest] && newest.Step > step)
        {
            throw new CheckpointException(
                $"The checkpoint of step {step} cannot be saved to '{path}', which contains a checkpoint of the later step "
                + $"{newest.Step}. Resume from that checkpoint, move it away, or choose another folder.");
        }

        CheckpointName name = new(step, folder.Checkpoints.LastOrDefault(saved => saved.Step == step).Save + 1);
        string target = folder.Of(name);
        try
        {
            folder.DropTemporary();
            writer.Write(checkpoint, folder.Temporary);
            folder.Commit(name);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            CleanUp();
            throw new CheckpointException(
                $"The checkpoint of step {step} could not be saved to '{target}': {problem.Message} Earlier checkpoints are unchanged. "
                    + "Free disk space, or choose another folder.",
                problem);
        }

        Retain(target);
        return target;
    }

    /// <summary>Reads the newest manifest that is intact; null if there is none.</summary>
    public CheckpointManifest? ReadLatestManifest()
    {
        Find();
        while (true)
        {
            CheckpointName[] candidates = [.. folder.Checkpoints.Reverse()];
            if (candidates.Select(name => CheckpointReader.TryReadManifest(folder.Of(name))).OfType<CheckpointManifest>()
                .FirstOrDefault() is { } newest)
            {
                return newest;
            }

            if (candidates.All(folder.Checkpoints.Contains))
            {
                return null; // Otherwise, the writing process deleted one during the search, after it saved a newer one.
            }
        }
    }

    /// <summary>
    /// Verifies the newest intact checkpoint and passes it to <paramref name="use"/>; does nothing if there is none. Skips newer ones that
    /// are damaged and, if this store has the lock, renames them to <c>damaged-step-...</c>.
    /// </summary>
    /// <param name="use">Receives the checkpoint. Its tensors are valid only during the call.</param>
    /// <param name="onDamaged">Receives the path and the damage of each damaged checkpoint.</param>
    /// <returns>True if a checkpoint was loaded.</returns>
    /// <exception cref="CheckpointException">
    /// All checkpoints are damaged, the newest is a broken link, or <paramref name="use"/> rejects the checkpoint.
    /// </exception>
    public bool LoadLatest(Action<Checkpoint> use, Action<string, string>? onDamaged = null)
    {
        ArgumentNullException.ThrowIfNull(use);
        Find();
        List<(CheckpointName Name, CheckpointDamageException Damage)> damaged = [];
        foreach (CheckpointName candidate in folder.Checkpoints.Reverse())
        {
            if (folder.BrokenLink(candidate) is { } target)
            {
                throw new CheckpointException(
                    $"Checkpoint '{folder.Of(candidate)}' is a link to '{target}', which does not exist. Mount or restore the target, or "
                    + "delete the link to continue without this checkpoint.");
            }

            try
            {
                using OpenCheckpoint open = CheckpointReader.Read(folder.Of(candidate));
                use(open.Checkpoint);
            }
            catch (CheckpointDamageException damage)
            {
                if (!Directory.Exists(folder.Of(candidate)))
                {
                    return LoadLatest(use, onDamaged); // The writing process deleted it after it saved a newer one.
                }

                damaged.Add((candidate, damage));
                continue;
            }

            damaged.ForEach(one => onDamaged?.Invoke(held is null ? folder.Of(one.Name) : folder.SetAside(one.Name), one.Damage.Reason));
            return true;
        }

        return damaged.Count == 0
            ? false
            : throw new CheckpointException(
                $"None of the {damaged.Count} checkpoints in '{path}' is intact: "
                + $"{string.Join(" ", damaged.Select(one => one.Damage.Message))} "
                + "Restore one, or choose another folder to start over.",
                damaged[0].Damage);
    }

    /// <summary>
    /// Deletes all checkpoints after the last one up to a step, or after the first one if all are later. Deletes nothing if the checkpoint
    /// to keep is damaged.
    /// </summary>
    /// <exception cref="CheckpointException">The checkpoints could not be deleted.</exception>
    internal void DropAfter(long step)
    {
        Lock();
        int kept = Math.Max(0, folder.Checkpoints.Count(checkpoint => checkpoint.Step <= step) - 1);
        CheckpointName[] later = [.. folder.Checkpoints.Skip(kept + 1)];
        if (later.Length == 0)
        {
            return;
        }

        try
        {
            CheckpointReader.Verify(folder.Of(folder.Checkpoints[kept]));
            folder.Delete(later);
        }
        catch (CheckpointDamageException)
        {
            return; // Keep the later checkpoints: they are the only usable ones.
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                $"The checkpoints in '{path}' after step {step} could not be deleted: {problem.Message} Delete them manually.", problem);
        }
    }

    /// <summary>Releases the lock.</summary>
    public void Dispose()
    {
        held?.Dispose();
        held = null;
    }

    // The folder of a run means its subfolder of checkpoints. The run may start after this store is created: look again until it is locked.
    [MemberNotNull(nameof(path), nameof(folder))]
    private void Find()
    {
        if (held is not null && path is not null && folder is not null)
        {
            return;
        }

        string inRun = Path.Combine(given, CheckpointFiles.Folder);
        path = new CheckpointFolder(given, disk).Checkpoints.Count == 0 && Directory.Exists(inRun) ? inRun : given;
        folder = new CheckpointFolder(path, disk);
    }

    // A loss measured at another step does not apply to this one.
    private double? LossAt(CheckpointName name) =>
        CheckpointReader.TryReadManifest(folder.Of(name)) is { } manifest && manifest.HeldOutStep == manifest.Step
            ? manifest.HeldOutLoss
            : null;

    // The next process that writes here deletes what cannot be deleted now.
    private void CleanUp()
    {
        try
        {
            folder.Sweep();
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return;
        }
    }

    private void Retain(string target)
    {
        try
        {
            IReadOnlyList<CheckpointName> superfluous = retention.Superfluous(
                [.. folder.Checkpoints.Where(checkpoint => folder.BrokenLink(checkpoint) is null)
                    .Select(checkpoint => (checkpoint, retention.Best == 0 ? null : LossAt(checkpoint)))]);
            if (superfluous.Count > 0)
            {
                CheckpointReader.Verify(target);
                folder.Delete(superfluous);
            }
        }
        catch (CheckpointDamageException damage)
        {
            throw new CheckpointException(
                $"The new checkpoint {damage.Message} It was written a moment ago: the disk or the memory is failing. No other checkpoint "
                + "was deleted.", damage);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                $"The checkpoint '{target}' is saved, but older ones could not be deleted: {problem.Message} Delete them manually.",
                problem);
        }
    }
}

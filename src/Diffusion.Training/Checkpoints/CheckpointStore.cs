using System.Diagnostics.CodeAnalysis;

namespace Diffusion.Training;

/// <summary>
/// The checkpoints of a run: one readable folder each (<c>step-000005000</c>), with <c>manifest.json</c>, <c>weights.safetensors</c>,
/// <c>ema.safetensors</c> and <c>optimizer.safetensors</c>. A checkpoint is there whole or not at all, whenever the process or the machine
/// stops; older ones are deleted only after the newest was read back. Any process may read; one at a time may write.
/// </summary>
/// <remarks>
/// A checkpoint may be moved elsewhere and linked back: it is read through the link. Where it would be deleted only the link is; what it
/// points at stays. A link whose folder is not there (an unmounted disk) is not passed over in silence: loading it is an error.
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

    /// <summary>The checkpoints in a folder. Nothing is written yet.</summary>
    /// <param name="folder">
    /// Where they are, or the folder of a run, which holds them in <c>checkpoints</c>; made by <see cref="Lock"/> if it is not there.
    /// </param>
    /// <param name="retention">Which of them are kept; default the last two.</param>
    /// <exception cref="ArgumentOutOfRangeException">The retention has an impossible value.</exception>
    public CheckpointStore(string folder, CheckpointRetention? retention = null)
        : this(folder, retention ?? new CheckpointRetention(), new LocalDisk())
    {
    }

    internal CheckpointStore(string folder, CheckpointRetention retention, IDisk disk)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        retention.Check();
        given = Path.GetFullPath(folder);
        this.disk = disk;
        this.retention = retention;
        Find();
        writer = new CheckpointWriter(disk);
    }

    /// <summary>The folder of the newest checkpoint, or null when there is none.</summary>
    public string? Latest
    {
        get
        {
            Find();
            return folder.Checkpoints is [.., CheckpointName last] ? folder.Of(last) : null;
        }
    }

    /// <summary>
    /// Makes this store the one that writes here until it is disposed, and removes what an interrupted process left. <see cref="Save"/>
    /// does it by itself.
    /// </summary>
    /// <exception cref="CheckpointException">Another process writes here, or the folder cannot be written to.</exception>
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

    /// <summary>Saves a checkpoint, reads it back, and then deletes those that are not to be kept.</summary>
    /// <param name="checkpoint">The state; its tensors are read, not kept.</param>
    /// <returns>The checkpoint's folder.</returns>
    /// <exception cref="CheckpointException">
    /// It cannot be written, or one of a later step is there, and the others are untouched; or it was written, and others could not be
    /// deleted: the message says which.
    /// </exception>
    public string Save(Checkpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        if (checkpoint.Manifest.ProblemToSave(checkpoint.Averages.Count) is { } impossible)
        {
            throw new ArgumentException($"The checkpoint cannot be saved, as it could not be loaded: {impossible}", nameof(checkpoint));
        }

        Lock();
        long step = checkpoint.Manifest.Step;
        if (folder.Checkpoints is [.., CheckpointName newest] && newest.Step > step)
        {
            throw new CheckpointException(
                $"The checkpoint of step {step} cannot be saved to '{path}': one of step {newest.Step} is there, which would be taken for "
                + "the newest. Load that one and resume from it, move the later ones away, or choose another folder.");
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
                $"The checkpoint of step {step} could not be saved to '{target}': {problem.Message} Earlier checkpoints are untouched. "
                    + $"Make room, or choose another folder.",
                problem);
        }

        Retain(target);
        return target;
    }

    /// <summary>Reads the manifest of the newest checkpoint that has a whole one, or null when there is none.</summary>
    public CheckpointManifest? ReadLatestManifest()
    {
        Find();
        while (true)
        {
            CheckpointName[] candidates = [.. folder.Checkpoints.Reverse()];
            if (candidates.Select(TryReadManifest).FirstOrDefault(manifest => manifest is not null) is { } newest)
            {
                return newest;
            }

            if (candidates.All(folder.Checkpoints.Contains))
            {
                return null; // Else one was deleted meanwhile by the one who writes here, who has a newer one.
            }
        }
    }

    /// <summary>
    /// Hands the newest whole checkpoint to <paramref name="use"/>, or does nothing when there is none. It is verified to the last byte
    /// before. Newer ones that are damaged are passed over, and, if this store writes here, renamed to <c>damaged-step-...</c>.
    /// </summary>
    /// <param name="use">Copies what it needs; the tensors live during the call.</param>
    /// <param name="onDamaged">Told of each damaged checkpoint: where it is now, and what is wrong with it.</param>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="CheckpointException">
    /// All that are there are damaged, the newest is a link that leads nowhere, or <paramref name="use"/> refuses the one.
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
                    $"Checkpoint '{folder.Of(candidate)}' is a link to '{target}', but no folder is there. Mount or restore it, or "
                        + $"delete the link "
                    + "to continue without that checkpoint.");
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
                    return LoadLatest(use, onDamaged); // Deleted meanwhile by the one who writes here, who has a newer one.
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
                $"None of the {damaged.Count} checkpoints in '{path}' is whole: "
                    + $"{string.Join(" ", damaged.Select(one => one.Damage.Message))} "
                + "Restore one, or choose another folder to begin anew.",
                damaged[0].Damage);
    }

    /// <summary>
    /// Deletes the checkpoints after the last one up to a step; where there is none up to it, after the first of all. Deletes nothing where
    /// that one is damaged.
    /// </summary>
    /// <exception cref="CheckpointException">They could not be deleted.</exception>
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
            return; // The later ones are what is left.
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                $"The checkpoints in '{path}' after step {step} could not be deleted: {problem.Message} Delete them by hand.", problem);
        }
    }

    /// <summary>Lets another process write here.</summary>
    public void Dispose()
    {
        held?.Dispose();
        held = null;
    }

    // Who names the folder of a run means the checkpoints in it. The run may begin after this store is made, but is not changed while it
    // writes.
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

    // A loss that was measured at another step says nothing of this one.
    private double? LossAt(CheckpointName name) =>
        TryReadManifest(name) is { } manifest && manifest.HeldOutStep == manifest.Step ? manifest.HeldOutLoss : null;

    private CheckpointManifest? TryReadManifest(CheckpointName name)
    {
        try
        {
            return CheckpointReader.ReadManifest(folder.Of(name));
        }
        catch (Exception problem) when (problem is CheckpointDamageException or CheckpointException)
        {
            return null;
        }
    }

    // What cannot be removed now is removed by the next who writes here.
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
                    + $"was deleted.", damage);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                $"The checkpoint '{target}' is saved, but older ones could not be deleted: {problem.Message} Delete them by hand.",
                    problem);
        }
    }
}

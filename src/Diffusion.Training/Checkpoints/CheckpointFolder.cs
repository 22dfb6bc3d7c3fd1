using System.Globalization;

namespace Diffusion.Training;

/// <summary>
/// The folder that contains the checkpoints of a run, and the names in it: <c>step-000005000</c> is a checkpoint, <c>.saving</c> is being
/// written, <c>.deleting-step-000005000</c> is being deleted, and <c>damaged-step-000005000</c> was set aside. A checkpoint is renamed
/// before it is deleted, so a name of a checkpoint never refers to a part of one. If an entry is a link, only the link is deleted, never
/// its target.
/// </summary>
internal sealed class CheckpointFolder(string path, IDisk disk)
{
    private const string Saving = ".saving";
    private const string Deleting = ".deleting-";
    private const string Damaged = "damaged-";

    /// <summary>The path at which a checkpoint is written before it gets its final name.</summary>
    public string Temporary => Path.Combine(path, Saving);

    /// <summary>The checkpoints in ascending order of steps, including links to checkpoints, even broken ones.</summary>
    public IReadOnlyList<CheckpointName> Checkpoints =>
        !Directory.Exists(path) ? [] :
        [
            .. Directory.GetDirectories(path).Concat(Directory.GetFiles(path).Where(IsLink))
                .Select(entry => CheckpointName.TryParse(Path.GetFileName(entry))).OfType<CheckpointName>()
                .OrderBy(name => name.Step).ThenBy(name => name.Save),
        ];

    /// <summary>The target of a checkpoint that is a link to a folder that does not exist; null for other checkpoints.</summary>
    public string? BrokenLink(CheckpointName name) => Directory.Exists(Of(name)) ? null : new FileInfo(Of(name)).LinkTarget;

    /// <summary>Returns the path of a checkpoint.</summary>
    public string Of(CheckpointName name) => Path.Combine(path, name.ToString());

    /// <summary>Creates the folder and its missing parents, so that they survive a power failure.</summary>
    public void Make() => Make(path);

    /// <summary>Deletes what an interrupted process left behind.</summary>
    public void Sweep()
    {
        foreach (string left in Directory.GetFileSystemEntries(path))
        {
            string name = Path.GetFileName(left);
            if ((name == Saving || name.StartsWith(Deleting, StringComparison.Ordinal)) && (IsLink(left) || Directory.Exists(left)))
            {
                DeleteTree(left);
            }
        }
    }

    /// <summary>Renames the written checkpoint to its final name.</summary>
    public void Commit(CheckpointName name)
    {
        disk.RenameFolder(Temporary, Of(name));
        disk.SyncFolder(path);
    }

    /// <summary>Deletes checkpoints.</summary>
    public void Delete(IReadOnlyList<CheckpointName> names)
    {
        foreach (CheckpointName name in names)
        {
            disk.RenameFolder(Of(name), Path.Combine(path, Deleting + name));
        }

        // Without this sync, a power failure could undo the rename but not the deletion.
        disk.SyncFolder(path);
        foreach (CheckpointName name in names)
        {
            DeleteTree(Path.Combine(path, Deleting + name));
        }
    }

    /// <summary>Renames a damaged checkpoint so that it no longer counts as one.</summary>
    /// <returns>The new path.</returns>
    public string SetAside(CheckpointName name)
    {
        string plain = Path.Combine(path, Damaged + name);
        string free = plain;
        for (int number = 2; Path.Exists(free) || IsLink(free); number++)
        {
            free = string.Create(CultureInfo.InvariantCulture, $"{plain}-{number}");
        }

        disk.RenameFolder(Of(name), free);
        disk.SyncFolder(path);
        return free;
    }

    /// <summary>Deletes a partly written checkpoint.</summary>
    public void DropTemporary()
    {
        if (Directory.Exists(Temporary) || IsLink(Temporary))
        {
            DeleteTree(Temporary);
        }
    }

    private void Make(string folder)
    {
        if (Directory.Exists(folder))
        {
            return;
        }

        string parent = Path.GetDirectoryName(folder)!;
        Make(parent);
        disk.CreateFolder(folder);
        disk.SyncFolder(parent);
    }

    private static bool IsLink(string entry) => new FileInfo(entry).LinkTarget is not null;

    // On Windows, links are not the only reparse points. .NET deletes any reparse point without following it.
    private void DeleteTree(string entry)
    {
        if (!Directory.Exists(entry) || File.GetAttributes(entry).HasFlag(FileAttributes.ReparsePoint))
        {
            disk.DeleteFile(entry);
            return;
        }

        Array.ForEach(Directory.GetFileSystemEntries(entry), DeleteTree);
        disk.DeleteFolder(entry);
    }
}

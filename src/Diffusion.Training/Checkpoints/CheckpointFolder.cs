using System.Globalization;

namespace Diffusion.Training;

/// <summary>
/// The folder around the checkpoints of a run, and the names in it: <c>step-000005000</c> is a checkpoint, <c>.saving</c> one being
/// written, <c>.deleting-step-000005000</c> one being deleted, <c>damaged-step-000005000</c> one set aside. Nothing is deleted under the
/// name of a checkpoint, so none is ever seen in part. Nothing is deleted through a link: a link goes, and what it points at stays.
/// </summary>
internal sealed class CheckpointFolder(string path, IDisk disk)
{
    private const string Saving = ".saving";
    private const string Deleting = ".deleting-";
    private const string Damaged = "damaged-";

    /// <summary>Where a checkpoint is written before it has its place.</summary>
    public string Temporary => Path.Combine(path, Saving);

    /// <summary>
    /// The checkpoints, from the first to the last; among them links to checkpoints, also those that lead nowhere at the moment.
    /// </summary>
    public IReadOnlyList<CheckpointName> Checkpoints =>
        !Directory.Exists(path) ? [] :
        [
            .. Directory.GetDirectories(path).Concat(Directory.GetFiles(path).Where(IsLink))
                .Select(entry => CheckpointName.TryParse(Path.GetFileName(entry))).OfType<CheckpointName>()
                .OrderBy(name => name.Step).ThenBy(name => name.Save),
        ];

    /// <summary>What a checkpoint that is a link points at, where no folder is there; null for any other.</summary>
    public string? BrokenLink(CheckpointName name) => Directory.Exists(Of(name)) ? null : new FileInfo(Of(name)).LinkTarget;

    /// <summary>The place of a checkpoint.</summary>
    public string Of(CheckpointName name) => Path.Combine(path, name.ToString());

    /// <summary>Makes the folder, and what is missing around it, so that a power failure does not take it away.</summary>
    public void Make() => Make(path);

    /// <summary>Removes what an interrupted process left.</summary>
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

    /// <summary>Gives what was written its place.</summary>
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

        // Without this a power failure could undo the new name and not the deletion.
        disk.SyncFolder(path);
        foreach (CheckpointName name in names)
        {
            DeleteTree(Path.Combine(path, Deleting + name));
        }
    }

    /// <summary>Gives a damaged checkpoint a name under which it is not taken for one.</summary>
    /// <returns>Where it is now.</returns>
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

    /// <summary>Deletes what was being written.</summary>
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

    // On Windows more than links are reparse points: what cannot be told apart is left to .NET, which follows none that leads elsewhere.
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

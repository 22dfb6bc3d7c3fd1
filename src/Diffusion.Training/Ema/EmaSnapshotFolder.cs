using TorchSharp;

namespace Diffusion.Training;

/// <summary>The folder of a run that contains the snapshots of its averages.</summary>
/// <param name="runFolder">The folder of the run. It must exist.</param>
internal sealed class EmaSnapshotFolder(string runFolder)
{
    /// <summary>The name of the folder.</summary>
    public const string Name = "ema-snapshots";

    private readonly string path = Path.Combine(runFolder, Name);

    /// <summary>Returns the snapshots in a folder, in ascending order of steps.</summary>
    public static IReadOnlyList<EmaSnapshotName> In(string folder) => !Directory.Exists(folder) ? [] :
    [
        .. Directory.GetFiles(folder).Select(file => EmaSnapshotName.TryParse(Path.GetFileName(file))).OfType<EmaSnapshotName>()
            .OrderBy(name => name.Step).ThenBy(name => name.SigmaRel),
    ];

    /// <summary>Saves a snapshot, unless it already exists.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no permission to write the file.</exception>
    public void Save(EmaSnapshotName name, IReadOnlyDictionary<string, torch.Tensor> weights)
    {
        if (!Directory.Exists(path))
        {
            Directory.CreateDirectory(path);
            DiskSync.Folder(runFolder);
        }

        if (!File.Exists(Path.Combine(path, name.ToString())))
        {
            EmaSnapshotFile.Write(path, name, weights);
        }
    }

    /// <summary>Deletes the snapshots after a step, because the resumed run saves them again, and unfinished files.</summary>
    /// <exception cref="IOException">A file cannot be deleted.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no permission to delete a file.</exception>
    public void CutAfter(long step)
    {
        if (!Directory.Exists(path))
        {
            return;
        }

        string[] unfinished = Directory.GetFiles(path, $".*{AtomicFile.TemporaryExtension}");
        IEnumerable<string> later = In(path).Where(name => name.Step > step).Select(name => Path.Combine(path, name.ToString()));
        foreach (string file in unfinished.Concat(later))
        {
            File.Delete(file);
        }

        DiskSync.Folder(path);
    }
}

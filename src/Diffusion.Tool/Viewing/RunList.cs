using Diffusion.Reporting;

namespace Diffusion.Tool.Viewing;

/// <summary>The runs in a folder. Runs that appear later are found too. Several threads can use it at the same time.</summary>
internal sealed class RunList
{
    private readonly string root;
    private readonly Lock gate = new();
    private readonly Dictionary<string, ViewedRun> runs = new(StringComparer.Ordinal);

    private RunList(string root) => this.root = root;

    /// <summary>Opens a run folder, or a folder whose subfolders are runs.</summary>
    /// <exception cref="DirectoryNotFoundException">The folder does not exist.</exception>
    public static RunList Open(string folder) => Directory.Exists(folder)
        ? new RunList(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)))
        : throw new DirectoryNotFoundException($"The folder '{folder}' does not exist. Name a run folder, or a folder of runs.");

    /// <summary>The runs, the last active one first.</summary>
    public IReadOnlyList<ViewedRun> All()
    {
        string[] folders = RunRecord.IsRun(root) ? [root] : [.. Directory.EnumerateDirectories(root).Where(RunRecord.IsRun)];
        lock (gate)
        {
            foreach (string folder in folders)
            {
                if (!runs.ContainsKey(Path.GetFileName(folder)))
                {
                    runs.Add(Path.GetFileName(folder), new ViewedRun(RunRecord.Open(folder)));
                }
            }

            foreach (string name in runs.Keys.Except(folders.Select(folder => Path.GetFileName(folder)), StringComparer.Ordinal).ToArray())
            {
                runs.Remove(name);
            }

            return [.. runs.Values.OrderByDescending(run => run.LastHeard).ThenBy(run => run.Name, StringComparer.Ordinal)];
        }
    }

    /// <summary>A run by its name; null if there is none.</summary>
    public ViewedRun? Find(string name) => All().FirstOrDefault(run => run.Name == name);

    /// <summary>A text that changes whenever the list of these runs would.</summary>
    public static string VersionOf(IEnumerable<ViewedRun> runs) => string.Join('\n', runs.Select(run => $"{run.Name} {run.Version}"));
}

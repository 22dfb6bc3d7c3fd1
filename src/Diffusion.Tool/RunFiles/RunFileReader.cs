using System.Text.Json;
using System.Text.Json.Nodes;
using Diffusion.Tool.Terminal;

namespace Diffusion.Tool.RunFiles;

/// <summary>Reads a run file, applies the command line, and checks every name and value.</summary>
internal static class RunFileReader
{
    /// <summary>The name of the resolved run file in a run folder.</summary>
    public const string ResolvedName = "run.json";

    /// <summary>Reads a run.</summary>
    /// <param name="path">The run file.</param>
    /// <param name="settings">Values that replace those of the file: <c>training.steps=100</c>.</param>
    /// <param name="runFolder">The run folder in place of the file's; null for the file's, or runs/ and the file's name.</param>
    /// <exception cref="ToolUsageException">The message lists every problem.</exception>
    public static RunFile Read(string path, IEnumerable<string> settings, string? runFolder)
    {
        JsonObject given = RunFileText.Read(path);
        foreach (string setting in settings)
        {
            RunFileOverrides.Apply(given, setting);
        }

        // The generated reader does not know the initializers of init-only options: every value must be in the tree.
        JsonObject all = JsonSerializer.SerializeToNode(new RunFile(), RunFileJson.Default.RunFile)!.AsObject();
        RunFileMerge merge = new();
        merge.Apply(all, given, RunFileJson.Default.RunFile);
        if (merge.Problems.Count > 0)
        {
            throw new ToolUsageException($"{path}: {string.Join(' ', merge.Problems)}");
        }

        RunFile run = all.Deserialize(RunFileJson.Default.RunFile)!;
        string[] problems = [.. RunFileProblems.Of(run)];
        if (problems.Length > 0)
        {
            throw new ToolUsageException($"{path}: {string.Join(' ', problems)}");
        }

        run.Training.RunFolder = runFolder ?? run.Training.RunFolder ?? Path.Combine("runs", Path.GetFileNameWithoutExtension(path));
        return run;
    }

    /// <summary>Writes the run with every value into its run folder.</summary>
    public static void WriteResolved(RunFile run)
    {
        string folder = run.Training.RunFolder!;
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, ResolvedName), JsonSerializer.Serialize(run, RunFileJson.Default.RunFile) + "\n");
    }
}

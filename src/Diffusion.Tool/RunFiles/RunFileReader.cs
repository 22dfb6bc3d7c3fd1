using System.Text.Json;
using System.Text.Json.Nodes;
using Diffusion.Reporting;
using Diffusion.Tool.Sampling;
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
        string[] problems = [.. ProblemsOf(run)];
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

    /// <summary>The run that was saved in a run folder; null if there is none that this version can read.</summary>
    public static RunFile? ReadResolved(string folder)
    {
        string path = Path.Combine(folder, ResolvedName);
        return File.Exists(path) ? Read(path, [], runFolder: null) : null;
    }

    private static IEnumerable<string> ProblemsOf(RunFile run)
    {
        if (string.IsNullOrWhiteSpace(run.Data.Path))
        {
            yield return "data.path is missing. Name a folder of images or IDX files, or shards.";
        }

        if (run.Data.Size is < 1)
        {
            yield return $"data.size is {run.Data.Size}, but must be at least 1. Use 32.";
        }

        if (run.Data.Channels is not (1 or 3))
        {
            yield return $"data.channels is {run.Data.Channels}, but must be 1 (grayscale) or 3 (RGB).";
        }

        if (run.Network.PatchSize < 1)
        {
            yield return $"network.patchSize is {run.Network.PatchSize}, but must be at least 1. Use 1 for no patches.";
        }

        if (run.Report.EverySteps is < 1)
        {
            yield return $"report.everySteps is {run.Report.EverySteps}, but must be at least 1. Leave it out for a tenth of the run.";
        }

        if (run.Report.Samples is < 0 or > RunReportOptions.MaxSamples)
        {
            yield return $"report.samples is {run.Report.Samples}, but must be 0 to {RunReportOptions.MaxSamples}. Use 16.";
        }

        if (SamplerNames.Problem(run.Report.Sampler) is { } problem)
        {
            yield return $"report.sampler is {problem}";
        }
    }
}

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

    private static IEnumerable<string> ProblemsOf(RunFile run)
    {
        if (DeviceNames.Problem(run.Device) is { } device)
        {
            yield return $"device is {device}";
        }

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

        if (run.Report.Steps is < 1)
        {
            yield return $"report.steps is {run.Report.Steps}, but must be at least 1. Use 20, or null for the sampler's own number.";
        }

        if (GuidanceProblem(run) is { } guidance)
        {
            yield return $"report.guidance is {guidance}";
        }
    }

    // Guidance steers away from the class that means "no class", which only label dropout trains.
    private static string? GuidanceProblem(RunFile run)
    {
        double scale = run.Report.Guidance;
        return GuidanceScale.Problem(scale) is { } problem ? problem
            : scale == GuidanceScale.None ? null
            : !run.Network.Classes
                ? $"{GuidanceScale.Text(scale)}, but needs classes, and network.classes is false. Leave one of the two out."
            : !(run.Training.Objective.LabelDropout > 0)
                ? $"{GuidanceScale.Text(scale)}, but needs training.objective.labelDropout, which is 0. Use 0.1 there, or leave it out."
            : null;
    }
}

using System.Globalization;
using Diffusion.Reporting;
using Diffusion.Tool.Sampling;
using Diffusion.Tool.Terminal;

namespace Diffusion.Tool.RunFiles;

/// <summary>Finds values of a run file that are impossible, or do not fit each other.</summary>
internal static class RunFileProblems
{
    /// <summary>The problems, each with its remedy.</summary>
    /// <param name="run">The run.</param>
    public static IEnumerable<string> Of(RunFile run) =>
        [.. OfRun(run), .. OfData(run.Data), .. OfNetwork(run), .. OptimizerOptionFit.Problems(run.Optimizer), .. OfReport(run)];

    private static IEnumerable<string> OfRun(RunFile run)
    {
        if (run.Name is { } name && string.IsNullOrWhiteSpace(name))
        {
            yield return "name is empty. Leave it out for the name of the run folder.";
        }

        if (DeviceNames.Problem(run.Device) is { } device)
        {
            yield return $"device is {device}";
        }

        if (run.CpuThreads is < 1)
        {
            yield return $"cpuThreads is {run.CpuThreads}, but must be at least 1. Leave it out for one thread per core.";
        }

        if (run.RateFinder.Found is { } found && !(found is > 0 and < double.PositiveInfinity))
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"rateFinder.found is {found}, but must be a learning rate above 0. Leave it out, so that it is found.");
        }
    }

    private static IEnumerable<string> OfData(DataSection data)
    {
        if (string.IsNullOrWhiteSpace(data.Path))
        {
            yield return "data.path is missing. Name a folder of images or IDX files, or shards.";
        }

        if (data.Size is < 1)
        {
            yield return $"data.size is {data.Size}, but must be at least 1. Use 32.";
        }

        if (data.Channels is not (1 or 3))
        {
            yield return $"data.channels is {data.Channels}, but must be 1 (grayscale) or 3 (RGB).";
        }

        foreach (string problem in data.Shards.Problems())
        {
            yield return problem;
        }
    }

    private static IEnumerable<string> OfNetwork(RunFile run)
    {
        if (run.Network.PatchSize < 1)
        {
            yield return $"network.patchSize is {run.Network.PatchSize}, but must be at least 1. Use 1 for no patches.";
        }
    }

    private static IEnumerable<string> OfReport(RunFile run)
    {
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

        if (run.Report.TensorBoard is { } board && string.IsNullOrWhiteSpace(board))
        {
            yield return "report.tensorBoard is empty. Name a folder, such as runs/photos/tensorboard, or leave it out.";
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

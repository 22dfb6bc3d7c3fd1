using System.Globalization;
using Diffusion.Training;
using Spectre.Console;

namespace Quickstart;

/// <summary>A live progress bar on a terminal, or lines if the output goes to a file. Both show problems of the run.</summary>
internal sealed class ProgressDisplay : IProgress<TrainingProgress>
{
    private readonly ConsoleReporter lines = new();
    private ProgressTask? bar;

    /// <summary>Shows progress while <paramref name="run"/> runs, on this thread.</summary>
    public TrainingResult Show(long step, long steps, Func<TrainingResult> run)
    {
        if (Console.IsOutputRedirected)
        {
            return run();
        }

        return AnsiConsole.Progress()
            .Columns(new ProgressBarColumn(), new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
            .Start(context =>
            {
                bar = context.AddTask("starting", maxValue: steps);
                bar.Value = step;
                return run();
            });
    }

    /// <inheritdoc/>
    public void Report(TrainingProgress value)
    {
        if (bar is null)
        {
            lines.Report(value);
            return;
        }

        bar.Value = value.Step;
        bar.Description = string.Create(
            CultureInfo.InvariantCulture,
            $"step {value.Step}/{value.Steps}  loss {value.Loss:F4}  {value.ImagesPerSecond:F0} images/s  "
                + $"{(long)value.Remaining.TotalHours:00}:{value.Remaining:mm\\:ss} left");
        foreach (HealthFinding finding in value.Findings)
        {
            AnsiConsole.WriteLine(finding.ToString());
        }
    }
}

using System.Globalization;
using Diffusion.Training;
using Spectre.Console;

namespace Quickstart;

/// <summary>A live progress bar on a terminal; a line now and then where the output goes to a file.</summary>
internal sealed class ProgressDisplay : IProgress<TrainingProgress>
{
    private const int LinesPerRun = 20;

    private ProgressTask? bar;
    private long nextLine;

    /// <summary>Shows progress while <paramref name="run"/> runs, on this thread.</summary>
    public TrainingResult Show(long step, long steps, Func<TrainingResult> run)
    {
        nextLine = step;
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
        string text = string.Create(
            CultureInfo.InvariantCulture,
            $"step {value.Step}/{value.Steps}  loss {value.Loss:F4}  {value.ImagesPerSecond:F0} images/s  {(long)value.Remaining.TotalHours:00}:{value.Remaining:mm\\:ss} left");
        if (bar is not null)
        {
            bar.Value = value.Step;
            bar.Description = text;
        }
        else if (value.Step >= nextLine || value.Step == value.Steps)
        {
            Console.WriteLine(text);
            nextLine = value.Step + Math.Max(1, value.Steps / LinesPerRun);
        }
    }
}

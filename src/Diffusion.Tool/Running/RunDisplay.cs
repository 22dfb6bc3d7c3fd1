using System.Globalization;
using Diffusion.Tool.Terminal;
using Diffusion.Training;
using Spectre.Console;

namespace Diffusion.Tool.Running;

/// <summary>A live progress bar on a terminal, lines elsewhere. Both show the findings of the run.</summary>
internal sealed class RunDisplay(ToolTerminal terminal) : IProgress<TrainingProgress>, IProgress<HealthFinding>
{
    private readonly ConsoleReporter lines = new(output: terminal.Output);
    private readonly IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(terminal.Output) });
    private ProgressTask? bar;

    /// <summary>Shows progress while <paramref name="run"/> runs, on this thread.</summary>
    public TrainingResult Show(long step, long steps, Func<TrainingResult> run)
    {
        if (!terminal.IsInteractive)
        {
            return run();
        }

        return console.Progress()
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
    }

    /// <inheritdoc/>
    public void Report(HealthFinding value)
    {
        if (bar is null)
        {
            lines.Report(value);
            return;
        }

        console.WriteLine(value.ToString());
    }
}

using System.Globalization;
using Diffusion.Tool.RunFiles;
using Diffusion.Tool.Terminal;
using Diffusion.Training;

namespace Diffusion.Tool.Running;

/// <summary>Finds the learning rate of a run before it begins. A run that resumes keeps the rate that was found.</summary>
internal static class RunRate
{
    /// <summary>Sets the peak of the learning rate if the run file asks for the finder, and records it in the run.</summary>
    /// <param name="run">The run; changed.</param>
    /// <param name="builder">The builder of the run; changed.</param>
    /// <param name="terminal">Shows the suggestion.</param>
    /// <param name="cancellationToken">Ends the sweep.</param>
    /// <exception cref="ToolUsageException">The run began without the finder.</exception>
    /// <exception cref="InvalidOperationException">The finder suggests no rate.</exception>
    /// <exception cref="OperationCanceledException">The sweep was canceled.</exception>
    public static void Choose(RunFile run, TrainerBuilder builder, ToolTerminal terminal, CancellationToken cancellationToken)
    {
        if (!run.RateFinder.Enabled)
        {
            run.RateFinder.Found ??= Recorded(run); // kept for a run that enables it again
            return;
        }

        double rate = Known(run) is { } known ? Tell(known, terminal) : Find(run, builder, terminal, cancellationToken);
        run.RateFinder.Found = rate;
        run.Training.LearningRate = run.Training.LearningRate with { Peak = rate };
        builder.UseLearningRate(run.Training.LearningRate);
    }

    // The rate of a run that resumes; null for a run that begins, whatever its run file says.
    private static double? Known(RunFile run)
    {
        string folder = run.Training.RunFolder!;
        using CheckpointStore checkpoints = new(folder);
        return checkpoints.Latest is null ? null
            : run.RateFinder.Found ?? Recorded(run) ?? throw new ToolUsageException(
                $"rateFinder.enabled is true, but the run in '{folder}' began without it. Set it to false, or name another run folder with "
                + "--out.");
    }

    private static double? Recorded(RunFile run)
    {
        string resolved = Path.Combine(run.Training.RunFolder!, RunFileReader.ResolvedName);
        return File.Exists(resolved) ? RunFileReader.Read(resolved, [], runFolder: null).RateFinder.Found : null;
    }

    private static double Tell(double rate, ToolTerminal terminal)
    {
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"The peak learning rate is {rate:G3}, which the finder found earlier."));
        return rate;
    }

    private static double Find(RunFile run, TrainerBuilder builder, ToolTerminal terminal, CancellationToken cancellationToken)
    {
        LrRangeFinder finder = builder.BuildLrRangeFinder(run.RateFinder.Range); // refuses what no run could use
        terminal.Line("Finding the learning rate.");
        LrRange range = finder.Run(cancellationToken: cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        double rate = range.Suggestion.LearningRate ?? throw new InvalidOperationException(
            $"The finder suggests no learning rate: {range.Suggestion.Reason} Or set training.learningRate.peak, and rateFinder.enabled to "
            + "false.");
        terminal.Line(range.Advice);
        return rate;
    }
}

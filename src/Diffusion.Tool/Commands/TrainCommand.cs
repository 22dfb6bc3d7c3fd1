using System.CommandLine;
using Diffusion.Data;
using Diffusion.Reporting;
using Diffusion.Tool.RunFiles;
using Diffusion.Tool.Running;
using Diffusion.Tool.Terminal;
using Diffusion.Training;

namespace Diffusion.Tool.Commands;

/// <summary><c>diffusion train</c>: trains the run of a run file, or resumes it.</summary>
internal static class TrainCommand
{
    /// <summary>The option of processes that <c>diffusion launch</c> starts.</summary>
    public const string DistributedOption = "--distributed";

    public static Command Create(ToolTerminal terminal)
    {
        RunFileArguments file = new();
        Option<bool> distributed = new(DistributedOption)
        {
            Description = "Trains with the processes that a launcher started, such as mpirun, torchrun or diffusion launch.",
        };
        Command command = new("train", "Trains the run that a run file describes. Run it again to resume.") { distributed };
        file.AddTo(command);
        command.SetAction(result => CommandGuard.RunUntilStopped(terminal, signals =>
        {
            bool isDistributed = result.GetValue(distributed);
            bool isFirst = !isDistributed || ProcessPlace.Read().Rank == 0;
            ToolTerminal own = isDistributed ? terminal.Shared(isFirst) : terminal;
            return Execute(file.Read(result), isDistributed, isFirst, own, signals);
        }));
        return command;
    }

    private static int Execute(RunFile run, bool isDistributed, bool isFirst, ToolTerminal terminal, StopSignals signals)
    {
        using IImageSource images = RunData.Open(run.Data, signals.Token);
        using IDiffusionModel model = RunNetwork.Create(run, images.Shape, images.ClassCount);
        RunDisplay display = new(terminal);
        TrainerBuilder builder = RunSetup.Builder(run, images, model, isDistributed);
        RunRate.Choose(run, builder, terminal, signals.Token);
        TrainingPlan? plan = run.Report.Plan ? builder.Plan(cancellationToken: signals.Token) : null;
        TensorBoardWriter? board = isFirst ? RunSetup.TensorBoard(run) : null;
        if (board is not null)
        {
            builder.ReportTo(board);
        }

        using Trainer trainer = builder.WriteReport(RunSetup.Report(run, plan, board)).ReportTo(display).ReportFindingsTo(display).Build();
        if (isFirst)
        {
            RunFileReader.WriteResolved(run);
        }

        string folder = run.Training.RunFolder!;
        terminal.Line(images.Report.ToString(images.Description));
        terminal.Line($"run folder {folder}");
        if (trainer.Step > 0)
        {
            terminal.Line($"Resuming from step {trainer.Step} of {run.Training.Steps}.");
        }

        foreach (TrainingWarning warning in trainer.Warnings)
        {
            terminal.Line($"Unusual: {warning}");
        }

        TrainingResult result = display.Show(trainer.Step, run.Training.Steps, () => trainer.Run(signals.Token));
        terminal.Line(Ending(result));
        terminal.Line($"report {Path.Combine(folder, RunReport.FileName)}");
        return result.StopReason == StopReason.Canceled ? signals.ExitCode : ExitCode.Success;
    }

    private static string Ending(TrainingResult result)
    {
        string saved = result.Checkpoint is { } checkpoint ? $"saved in {checkpoint}" : "nothing saved";
        return result.StopReason switch
        {
            StopReason.Canceled => $"Stopped at step {result.Step}, {saved}. The same command resumes.",
            StopReason.TimeLimit => $"The time limit ended the run at step {result.Step}, {saved}.",
            _ => $"Completed at step {result.Step}, {saved}.",
        };
    }
}

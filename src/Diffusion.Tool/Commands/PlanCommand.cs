using System.CommandLine;
using Diffusion.Data;
using Diffusion.Tool.RunFiles;
using Diffusion.Tool.Running;
using Diffusion.Tool.Terminal;
using Diffusion.Training;

namespace Diffusion.Tool.Commands;

/// <summary><c>diffusion plan</c>: measures a few steps and predicts what a run needs.</summary>
internal static class PlanCommand
{
    public static Command Create(ToolTerminal terminal)
    {
        RunFileArguments file = new();
        Command command = new("plan", "Measures a few steps and predicts the time, memory and disk space of a run. Saves nothing.");
        file.AddTo(command);
        command.SetAction(result => CommandGuard.RunUntilStopped(terminal, signals => Execute(file.Read(result), terminal, signals)));
        return command;
    }

    private static int Execute(RunFile run, ToolTerminal terminal, StopSignals signals)
    {
        using IImageSource images = RunData.Open(run.Data, signals.Token);
        using IDiffusionModel model = RunNetwork.Create(run, images.Shape, images.ClassCount);
        terminal.Line(images.Report.ToString(images.Description));
        TrainingPlan plan = RunSetup.Builder(run, images, model, isDistributed: false).Plan(cancellationToken: signals.Token);
        terminal.Line(plan.ToReport());
        return ExitCode.Success;
    }
}

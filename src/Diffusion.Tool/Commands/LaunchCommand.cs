using System.CommandLine;
using Diffusion.Tool.Terminal;
using Diffusion.Training;

namespace Diffusion.Tool.Commands;

/// <summary><c>diffusion launch</c>: trains a run with several processes on this machine.</summary>
internal static class LaunchCommand
{
    public static Command Create(ToolTerminal terminal)
    {
        RunFileArguments file = new();
        Option<int> processes = new("--processes") { Description = "The number of processes.", DefaultValueFactory = _ => 2 };
        Option<ProcessGroupEngine> engine = new("--engine")
        {
            Description = "mpi, or nccl for one process per GPU.", DefaultValueFactory = _ => ProcessGroupEngine.Mpi,
        };
        Option<int> restarts = new("--restarts")
        {
            Description = "How often all processes start again after a failure.", DefaultValueFactory = _ => 0,
        };
        Command command = new("launch", "Trains a run with several processes on this machine. Linux only.")
        {
            processes, engine, restarts,
        };
        file.AddTo(command);
        command.SetAction(result => CommandGuard.Run(terminal, () =>
        {
            ArgumentCheck.ThrowIfAny(
                ("--processes", ArgumentCheck.AtLeast(1, result.GetValue(processes))),
                ("--restarts", ArgumentCheck.AtLeast(0, result.GetValue(restarts))));
            _ = file.Read(result); // a mistake is reported once, before any process starts
            return ProcessLauncher.Run(new ProcessLaunchOptions
            {
                Processes = result.GetValue(processes),
                Engine = result.GetValue(engine),
                MaxRestarts = result.GetValue(restarts),
                Command = [.. OwnCommand(), "train", .. file.Repeat(result), TrainCommand.DistributedOption],
            });
        }));
        return command;
    }

    // The program itself, or dotnet and the program's assembly.
    private static string[] OwnCommand()
    {
        string program = Environment.ProcessPath!;
        return Path.GetFileNameWithoutExtension(program) == "dotnet" ? [program, Environment.GetCommandLineArgs()[0]] : [program];
    }
}

using System.CommandLine;
using System.Globalization;
using Diffusion.Sampling;
using Diffusion.Tool.Terminal;

namespace Diffusion.Tool.Commands;

/// <summary><c>diffusion import</c>: checks that a folder of diffusers opens, and says what it contains.</summary>
internal static class ImportCommand
{
    public static Command Create(ToolTerminal terminal)
    {
        Argument<string> folder = new("folder") { Description = "The folder of a diffusers pipeline." };
        Command command = new("import", "Checks that a folder of Python's diffusers opens, and says what it contains.") { folder };
        command.SetAction(result => CommandGuard.Run(terminal, () => Execute(result.GetValue(folder)!, terminal)));
        return command;
    }

    private static int Execute(string folder, ToolTerminal terminal)
    {
        using DiffusersModel model = DiffusersFolder.Load(folder);
        IDiffusionModel network = model.Model;
        long weights = model.UNet.parameters().Sum(parameter => parameter.numel());
        terminal.Line($"network    UNet2DModel, {weights.ToString("N0", CultureInfo.InvariantCulture)} weights");
        terminal.Line($"images     {network.SampleShape?.ToString() ?? "any size"}");
        terminal.Line($"classes    {network.ClassCount?.ToString(CultureInfo.InvariantCulture) ?? "none"}");
        if (model.Scheduler is not { } scheduler)
        {
            terminal.Line("scheduler  none: the network can start a training run, but not sample");
            return ExitCode.Success;
        }

        terminal.Line($"scheduler  {scheduler.ClassName}, predicts {scheduler.Prediction}");
        terminal.Line($"schedule   {scheduler.Schedule.Description}");
        terminal.Line($"sampler    {scheduler.ToSampler()}");
        return ExitCode.Success;
    }
}

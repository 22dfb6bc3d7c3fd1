using System.CommandLine;
using System.Globalization;
using Diffusion.Tool.Terminal;

namespace Diffusion.Tool.Commands;

/// <summary><c>diffusion export</c>: writes a trained model for Python's diffusers.</summary>
internal static class ExportCommand
{
    public static Command Create(ToolTerminal terminal)
    {
        Argument<string> run = new("run") { Description = "A run folder or a checkpoint." };
        Argument<string> folder = new("folder") { Description = "The folder of the diffusers pipeline to write." };
        Option<string?> ema = new("--ema")
        {
            Description = "The average to write, or none for the raw weights. Default: the first average.",
        };
        Option<bool> overwrite = new("--overwrite") { Description = "Replaces an existing pipeline." };
        Command command = new("export", "Writes a trained model as a folder of Python's diffusers.") { run, folder, ema, overwrite };
        command.SetAction(result => CommandGuard.Run(terminal, () => Execute(
            result.GetValue(run)!, result.GetValue(folder)!, result.GetValue(ema), result.GetValue(overwrite), terminal)));
        return command;
    }

    private static int Execute(string run, string folder, string? ema, bool overwrite, ToolTerminal terminal)
    {
        using TrainedModel model = TrainedModel.Open(run, ema);
        string weights = model.Ema ?? "raw";
        string step = model.Step?.ToString(CultureInfo.InvariantCulture) ?? "unknown";
        Dictionary<string, string> notes = new(StringComparer.Ordinal) { ["weights"] = weights, ["step"] = step };
        DiffusersFolder.Save(folder, model.Denoiser, notes, overwrite);
        terminal.Line($"{folder}: weights {weights}, step {step}");
        return ExitCode.Success;
    }
}

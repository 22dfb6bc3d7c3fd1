using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Diffusion.TestKit.Resuming;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>train-case</c>: one run of a case in this process; <c>resume</c> starts it to resume in a separate process.
/// </summary>
internal static class TrainCommand
{
    private const string Name = "train-case";
    private const string Ended = "ended with ";

    public static Command Create()
    {
        Argument<string> run = new("case") { Description = "The case." };
        Argument<string> folder = new("folder") { Description = "The folder of the run." };
        Argument<int> steps = new("steps") { Description = "The steps of the whole run." };
        Option<int?> stopAt = new("--stop-at") { Description = "Stops at this step." };
        Command command = new(Name, "Trains, for resume.") { run, folder, steps, stopAt };
        command.Hidden = true;
        command.SetAction(arguments =>
        {
            TorchBackend.EnsureLoaded();
            Console.WriteLine(Ended + ResumeCase.Named(arguments.GetRequiredValue(run))
                .Train(arguments.GetRequiredValue(folder), arguments.GetValue(steps), arguments.GetValue(stopAt)));
        });
        return command;
    }

    /// <summary>Trains in a separate process.</summary>
    /// <returns>How it ended.</returns>
    public static string Start(string run, string folder, int steps, int? stopAt)
    {
        string[] stop = stopAt is { } step ? ["--stop-at", step.ToString(CultureInfo.InvariantCulture)] : [];
        string[] command = OwnProgram.Command([Name, run, folder, steps.ToString(CultureInfo.InvariantCulture), .. stop]);
        ProcessStartInfo start = new(command[0], command[1..]) { RedirectStandardOutput = true };
        start.Environment["OMP_NUM_THREADS"] = "1";
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 && output.StartsWith(Ended, StringComparison.Ordinal)
            ? output[Ended.Length..].Trim()
            : $"exit code {process.ExitCode}: {output.Trim()}";
    }
}

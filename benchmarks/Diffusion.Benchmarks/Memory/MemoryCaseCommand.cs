using System.CommandLine;
using System.Diagnostics;
using System.Globalization;

namespace Diffusion.Benchmarks;

/// <summary><c>memory-case</c>: one training run in this process; <c>memory</c> starts it.</summary>
internal static class MemoryCaseCommand
{
    private const string Name = "memory-case";

    public static Command Create()
    {
        Argument<int> index = new("index") { Description = "Which case." };
        Command command = new(Name, "Trains a few steps, for memory.") { index };
        command.Hidden = true;
        command.SetAction(arguments =>
        {
            TorchBackend.EnsureLoaded();
            Console.WriteLine(MemoryTraining.Measure(MemoryCase.All[arguments.GetValue(index)]).ToString(CultureInfo.InvariantCulture));
        });
        return command;
    }

    /// <summary>Measures in a separate process, which returns freed memory to the system at once.</summary>
    /// <returns>Bytes.</returns>
    public static long Start(int index)
    {
        string[] command = OwnProgram.Command(Name, index.ToString(CultureInfo.InvariantCulture));
        ProcessStartInfo start = new(command[0], command[1..]) { RedirectStandardOutput = true };
        start.Environment["MALLOC_MMAP_THRESHOLD_"] = "65536";
        start.Environment["MALLOC_TRIM_THRESHOLD_"] = "65536";
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? long.Parse(output, CultureInfo.InvariantCulture)
            : throw new InvalidOperationException($"Case {index} ended with exit code {process.ExitCode}: {output}");
    }
}

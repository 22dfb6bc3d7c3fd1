using System.CommandLine;
using System.Diagnostics;

namespace Diffusion.Benchmarks;

/// <summary><c>device</c>: whether training and sampling on a device give what the CPU gives, and how fast they are.</summary>
internal static class DeviceCommand
{
    public static Command Create()
    {
        Option<string> device = DeviceOption.Create();
        Option<string> only = new("--only")
        {
            Description = "Only the checks whose name contains this text, or speed.", DefaultValueFactory = _ => "",
        };
        Command command = new("device", "Compares training and sampling on a device with the CPU, and measures their speed.")
        {
            device, only,
        };
        command.SetAction(arguments => Run(ComputeDevice.Parse(arguments.GetValue(device)!), arguments.GetValue(only)!));
        return command;
    }

    private static int Run(ComputeDevice device, string only)
    {
        if (only is "" or "speed")
        {
            DeviceSpeed.Print(device);
        }

        int failed = 0;
        using DeviceChecks checks = new(device);
        foreach ((string name, Func<(bool, string)> check) in
            checks.All.Where(check => check.Name.Contains(only, StringComparison.OrdinalIgnoreCase)))
        {
            long began = Stopwatch.GetTimestamp();
            (bool passed, string measured) = Outcome(check);
            failed += passed ? 0 : 1;
            Console.WriteLine(
                $"{(passed ? "ok    " : "FAILED")} {name}: {measured} ({Stopwatch.GetElapsedTime(began).TotalSeconds:F1} s)");
        }

        return Verdict.Print(
            $"{device}, compared with {ComputeDevice.Cpu().CpuThreads} threads of the CPU", $"{failed} checks failed", failed == 0);
    }

    // A check that throws has failed; the others still run.
    private static (bool, string) Outcome(Func<(bool, string)> check)
    {
        try
        {
            return check();
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            return (false, error.ToString().ReplaceLineEndings(" "));
        }
    }
}

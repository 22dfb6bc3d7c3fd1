using System.Diagnostics;
using System.Globalization;

namespace Diffusion.EndToEnd.Tests.Quickstart;

/// <summary>The quickstart, as its build left it, run as a process of its own.</summary>
internal static class QuickstartProgram
{
    private static readonly string Assembly = Path.Combine(
        BuildFacts.Repository, "samples", "Quickstart", "bin", BuildFacts.Configuration, "net10.0", "Quickstart.dll");

    /// <summary>Runs it to its end.</summary>
    public static Task<ChildProcess.Result> Run(params string[] arguments) => ChildProcess.Dotnet(["exec", Assembly, .. arguments]);

    /// <summary>Runs it until it prints a line that holds <paramref name="sign"/>, then presses Ctrl+C.</summary>
    /// <returns>The exit code and all that it printed.</returns>
    public static async Task<(int ExitCode, string Output)> Interrupt(string sign, params string[] arguments)
    {
        // A shell that runs the tests in the background has them ignore Ctrl+C, and programs inherit that.
        ProcessStartInfo start = OperatingSystem.IsLinux()
            ? new("env", ["--default-signal=INT", "dotnet", "exec", Assembly, .. arguments])
            : new("dotnet", ["exec", Assembly, .. arguments]);
        start.RedirectStandardOutput = true;
        start.Environment["OMP_NUM_THREADS"] = "1";
        start.Environment.Remove(TorchBackend.FolderVariable);
        using Process process = Process.Start(start)!;
        List<string> lines = [];
        while (await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            lines.Add(line);
            if (line.Contains(sign, StringComparison.Ordinal))
            {
                string id = process.Id.ToString(CultureInfo.InvariantCulture);
                (await ChildProcess.Run("kill", ["-INT", id])).ExitCode.Should().Be(0);
                sign = "\0";
            }
        }

        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, string.Join('\n', lines));
    }
}

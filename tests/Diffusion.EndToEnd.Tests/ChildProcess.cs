using System.Diagnostics;
using System.Globalization;

namespace Diffusion.EndToEnd.Tests;

/// <summary>Runs a program to its end and returns its output.</summary>
internal static class ChildProcess
{
    /// <summary>The output and the exit code of a program.</summary>
    public sealed record Result(int ExitCode, string Output, string Errors);

    /// <summary>Runs <c>dotnet</c> with these arguments, as a user's terminal would: without the settings of the test run.</summary>
    public static Task<Result> Dotnet(
        IEnumerable<string> arguments, string? folder = null, IReadOnlyDictionary<string, string?>? environment = null) =>
        Run(Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet"
            ? path
            : "dotnet", arguments, folder, environment);

    /// <summary>Runs a program until it prints a line that contains <paramref name="sign"/>, then presses Ctrl+C.</summary>
    /// <returns>The exit code and the output.</returns>
    public static Task<(int ExitCode, string Output)> Interrupt(string sign, string program, IEnumerable<string> arguments,
        string? folder = null) =>
        Signal([(sign, "INT")], program, arguments, folder);

    /// <summary>Runs a program and sends it signals, each as soon as the program prints a line that contains the signal's sign.</summary>
    /// <param name="signals">Signs and signals (INT, TERM, HUP), in order.</param>
    /// <param name="program">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="folder">Its current folder.</param>
    /// <param name="ignored">A signal that the program ignores from its start, as with nohup.</param>
    /// <returns>The exit code (128 plus the number of a signal that ended it) and the output.</returns>
    public static async Task<(int ExitCode, string Output)> Signal(
        IReadOnlyList<(string Sign, string Name)> signals, string program, IEnumerable<string> arguments, string? folder = null,
            string? ignored = null)
    {
        using Process process = StartObeyingSignals(program, arguments, folder, ignored);
        List<string> lines = [];
        int sent = 0;
        while (await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            lines.Add(line);
            while (sent < signals.Count && line.Contains(signals[sent].Sign, StringComparison.Ordinal))
            {
                string id = process.Id.ToString(CultureInfo.InvariantCulture);
                (await Run("kill", [$"-{signals[sent].Name}", id])).ExitCode.Should().Be(0);
                sent++;
            }
        }

        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, string.Join('\n', lines));
    }

    /// <summary>Starts a program, which obeys signals also where the test run ignores them. Its output is redirected.</summary>
    /// <param name="program">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="folder">Its current folder.</param>
    /// <param name="ignored">A signal that the program ignores from its start, as with nohup.</param>
    public static Process StartObeyingSignals(string program, IEnumerable<string> arguments, string? folder = null, string? ignored = null)
    {
        // If a shell runs the tests in the background, they ignore Ctrl+C, and programs inherit that.
        string[] ignoring = ignored is null ? [] : [$"--ignore-signal={ignored}"];
        ProcessStartInfo start = OperatingSystem.IsLinux()
            ? new("env", ["--default-signal=INT,TERM,HUP", .. ignoring, program, .. arguments])
            : new(program, arguments);
        start.RedirectStandardOutput = true;
        start.WorkingDirectory = folder ?? Path.GetTempPath();
        start.Environment["OMP_NUM_THREADS"] = "1";
        start.Environment.Remove(TorchBackend.FolderVariable);
        return Process.Start(start)!;
    }

    /// <summary>Reads the output of a web application until it prints the address that it listens on.</summary>
    public static async Task<Uri> ListeningAddress(Process process)
    {
        const string sign = "Now listening on: ";
        while (await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            if (line.IndexOf(sign, StringComparison.Ordinal) is >= 0 and var at)
            {
                return new Uri(line[(at + sign.Length)..].Trim());
            }
        }

        throw new InvalidOperationException("The application ended before it listened.");
    }

    /// <summary>Runs a program.</summary>
    public static async Task<Result> Run(
        string program, IEnumerable<string> arguments, string? folder = null, IReadOnlyDictionary<string, string?>? environment = null)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? Path.GetTempPath(),
        };
        foreach (string inherited in start.Environment.Keys.Where(key => key.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase))
            .ToArray())
        {
            start.Environment.Remove(inherited);
        }

        start.Environment.Remove(TorchBackend.FolderVariable);
        start.Environment["OMP_NUM_THREADS"] = "1";
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        foreach ((string key, string? value) in environment ?? new Dictionary<string, string?>())
        {
            if (value is null)
            {
                start.Environment.Remove(key);
            }
            else
            {
                start.Environment[key] = value;
            }
        }

        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        try
        {
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            return new Result(process.ExitCode, await output, await errors);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }
}

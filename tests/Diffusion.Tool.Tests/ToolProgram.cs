using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Diffusion.Tool.Tests;

/// <summary>The built tool in a process of its own. Unlike the tests, it contains no libtorch.</summary>
internal static class ToolProgram
{
    /// <summary>Runs the tool to its end.</summary>
    /// <param name="libtorch">The value of <c>DIFFUSION_LIBTORCH</c>; null for none.</param>
    /// <param name="userFolder">The user's folder, in which an installed libtorch is searched.</param>
    /// <param name="args">The arguments.</param>
    public static async Task<ToolRun> Run(string? libtorch, string userFolder, params string[] args)
    {
        using Process process = Process.Start(StartOf("dotnet", ["exec", Assembly, .. args], libtorch, userFolder))!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        return await EndOf(process, output);
    }

    /// <summary>Runs the tool until it prints a line that contains <paramref name="sign"/>, then presses Ctrl+C.</summary>
    public static async Task<ToolRun> Interrupt(string sign, string userFolder, params string[] args)
    {
        // If a shell runs the tests in the background, they ignore Ctrl+C, and programs inherit that.
        using Process process = Process.Start(StartOf(
            "env", ["--default-signal=INT", "dotnet", "exec", Assembly, .. args], TorchBackend.Folder, userFolder))!;
        StringBuilder output = new();
        bool isSent = false;
        while (await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            output.AppendLine(line);
            if (!isSent && line.Contains(sign, StringComparison.Ordinal))
            {
                isSent = true;
                using Process kill = Process.Start("kill", ["-INT", process.Id.ToString(CultureInfo.InvariantCulture)]);
                await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
            }
        }

        return await EndOf(process, Task.FromResult(output.ToString()));
    }

    private static ProcessStartInfo StartOf(string program, IEnumerable<string> args, string? libtorch, string userFolder)
    {
        ProcessStartInfo start = new(program, args)
        {
            RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = userFolder,
        };
        start.Environment["XDG_DATA_HOME"] = userFolder;
        start.Environment["OMP_NUM_THREADS"] = "1";
        start.Environment.Remove(TorchBackend.FolderVariable);
        if (libtorch is not null)
        {
            start.Environment[TorchBackend.FolderVariable] = libtorch;
        }

        return start;
    }

    private static async Task<ToolRun> EndOf(Process process, Task<string> output)
    {
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new ToolRun(process.ExitCode, await output, await errors);
    }

    // tests/Diffusion.Tool.Tests/bin/Release/net10.0 and src/Diffusion.Tool/bin/Release/net10.0
    private static string Assembly
    {
        get
        {
            string[] parts = AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar).Split(Path.DirectorySeparatorChar);
            string repository = string.Join(Path.DirectorySeparatorChar, parts[..^5]);
            return Path.Combine([repository, "src", "Diffusion.Tool", .. parts[^3..], "Diffusion.Tool.dll"]);
        }
    }
}

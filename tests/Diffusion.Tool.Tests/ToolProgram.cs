using System.Diagnostics;

namespace Diffusion.Tool.Tests;

/// <summary>The built tool in a process of its own. Unlike the tests, it contains no libtorch.</summary>
internal static class ToolProgram
{
    /// <summary>Runs the tool with an empty folder as the user's, so that no installed libtorch is found.</summary>
    /// <param name="libtorch">The value of <c>DIFFUSION_LIBTORCH</c>; null for none.</param>
    /// <param name="userFolder">The user's folder.</param>
    /// <param name="args">The arguments.</param>
    public static async Task<ToolRun> Run(string? libtorch, string userFolder, params string[] args)
    {
        ProcessStartInfo start = new("dotnet", ["exec", Assembly, .. args])
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

        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
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

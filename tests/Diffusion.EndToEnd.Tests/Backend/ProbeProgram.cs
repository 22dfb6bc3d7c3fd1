using System.Text.Json;
using Diffusion.TestKit;

namespace Diffusion.EndToEnd.Tests.Backend;

/// <summary>
/// A copy of the probe: a program without libtorch that loads the backend twice and prints only the two results, as JSON. libtorch is
/// linked next to it, so a copy is cheap.
/// </summary>
internal sealed class ProbeProgram : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public ProbeProgram()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "These tests use the names of Linux libraries.");
        string built = Path.Combine(BuildFacts.Repository, "tests", "Diffusion.Probe", "bin", BuildFacts.Configuration, "net10.0");
        Directory.CreateDirectory(Natives);
        foreach (string file in Directory.GetFiles(built))
        {
            File.Copy(file, folder.File(Path.GetFileName(file)));
        }

        foreach (string file in Directory.GetFiles(Path.Combine(built, "runtimes", "linux-x64", "native")))
        {
            File.Copy(file, Path.Combine(Natives, Path.GetFileName(file)));
        }
    }

    /// <summary>The result of one attempt to load: a folder, the file of TorchSharp's native library and a sum; or an error.</summary>
    public sealed record Attempt(string? Folder, string? Binding, float? Sum, string? Device, int? Threads, string? Error);

    /// <summary>The folder of the program's native libraries.</summary>
    public string Natives => folder.File("runtimes/linux-x64/native");

    public Dictionary<string, string?> Environment { get; } = [];

    /// <summary>Links the files of libtorch into a folder, except the given files.</summary>
    public static void LinkLibtorch(string target, params string[] without)
    {
        Directory.CreateDirectory(target);
        foreach (string file in Directory.GetFiles(TorchBackend.Folder))
        {
            string name = Path.GetFileName(file);
            bool isLibtorch = name.StartsWith("libtorch", StringComparison.Ordinal) || name.StartsWith("libc10", StringComparison.Ordinal)
                || name.StartsWith("libgomp", StringComparison.Ordinal);
            if (isLibtorch && !without.Contains(name))
            {
                File.CreateSymbolicLink(Path.Combine(target, name), file);
            }
        }
    }

    /// <summary>Runs the program. Fails unless it exits with 0, prints only its results, and gives the same result twice.</summary>
    public async Task<Attempt> Run(params string[] arguments)
    {
        ChildProcess.Result result = await ChildProcess.Dotnet(["exec", folder.File("Diffusion.Probe.dll"), .. arguments],
            environment: Environment);
        return Read(result);
    }

    /// <summary>The result that the program printed.</summary>
    public static Attempt Read(ChildProcess.Result result)
    {
        result.ExitCode.Should().Be(0, result.Output + result.Errors);
        result.Errors.Should().BeEmpty();
        Attempt[] attempts = JsonSerializer.Deserialize<Attempt[]>(result.Output)!;
        attempts.Should().HaveCount(2);
        attempts[1].Should().Be(attempts[0], "a second call must give the same result as the first");
        return attempts[0];
    }

    public void Dispose() => folder.Dispose();
}

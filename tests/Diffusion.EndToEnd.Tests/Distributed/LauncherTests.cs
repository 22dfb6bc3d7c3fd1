using System.Diagnostics;
using System.Globalization;

namespace Diffusion.EndToEnd.Tests.Distributed;

/// <summary>The sample <c>Launch</c>, which starts processes with <c>mpirun</c>.</summary>
public sealed class LauncherTests
{
    private static readonly string Launch = Path.Combine(
        BuildFacts.Repository, "samples", "Launch", "bin", BuildFacts.Configuration, "net10.0", "Launch.dll");

    [Fact]
    public async Task A_launcher_that_is_killed_leaves_no_process()
    {
        Assert.SkipUnless(MpiRun.IsInstalled, "mpirun is not installed: apt-get install openmpi-bin libopenmpi3.");
        ProcessStartInfo start = new("dotnet", ["exec", Launch, "2", "sh", "-c", "echo $$; exec sleep 1000"])
        {
            RedirectStandardOutput = true,
        };
        using Process launcher = Process.Start(start)!;
        string[] ranks = [await Line(), await Line()];

        launcher.Kill();

        // The output ends when mpirun ends, which has inherited it.
        await launcher.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        ranks.Should().AllSatisfy(rank =>
            FluentActions.Invoking(() => Process.GetProcessById(int.Parse(rank, CultureInfo.InvariantCulture)))
                .Should().Throw<ArgumentException>());

        async Task<string> Line() => (await launcher.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken))!;
    }
}

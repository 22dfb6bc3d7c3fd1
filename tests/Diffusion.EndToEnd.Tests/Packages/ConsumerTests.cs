using System.Runtime.InteropServices;

namespace Diffusion.EndToEnd.Tests.Packages;

/// <summary>The first steps of a new user: a console project, the README's packages and program, a folder of photos, and a run.</summary>
public sealed class ConsumerTests(ConsumerProject project) : IClassFixture<ConsumerProject>
{
    [Fact]
    public async Task The_program_of_the_README_builds_without_warnings_and_prints_its_data_warnings_and_progress_and_samples_each_class()
    {
        project.Write(steps: "20");
        string buildOutput = await project.Make("build", "built");

        FeedFolder.WarningsIn(buildOutput).Should().BeEmpty();
        string[] lines = (await project.Run("built")).Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        lines[0].Should().StartWith("12 images from photos, 2 classes");
        lines.Should().Contain(line => line.StartsWith("Unusual: BatchSize: 4 "));
        lines.Should().Contain(line => line.StartsWith("step 10/20  loss ")).And.Contain(line => line.StartsWith("step 20/20  loss ")
            && line.EndsWith(" left"));
        lines[^1].Should().Match("Completed at step 20, saved in *step-000000020");
        File.Exists(project.PathOf("samples.png")).Should().BeTrue();
    }

    [Fact]
    public async Task A_program_published_for_its_platform_finds_libtorch_beside_itself_and_Ctrl_C_saves_its_run()
    {
        project.Write(steps: "2_000_000");
        await project.Make("publish", "published", "-r", RuntimeInformation.RuntimeIdentifier, "--no-self-contained");

        (int exitCode, string output) = await project.Interrupt("published", "step ");

        exitCode.Should().Be(130);
        output.Should().Contain("Canceled at step ");
        Directory.GetDirectories(project.PathOf("runs/photos/checkpoints"), "step-*").Should().ContainSingle();
    }
}

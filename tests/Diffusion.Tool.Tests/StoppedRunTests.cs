namespace Diffusion.Tool.Tests;

public sealed class StoppedRunTests : IDisposable
{
    private readonly SmallPhotos photos = new();

    [Fact]
    public async Task Ctrl_C_saves_the_run_and_ends_with_130_and_the_same_command_resumes()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The signal is sent with a program of Linux.");
        string[] train = ["train", photos.RunFile, "--set", "training.steps=1000000", "--set", "report={samples: 0}"];

        ToolRun stopped = await ToolProgram.Interrupt("step ", photos.PathOf("."), train);

        (stopped.ExitCode, stopped.Errors).Should().Be((130, ""));
        stopped.Output.Should().Contain("Stopped at step ").And.Contain("The same command resumes.");
        ToolRun resumed = await ToolProgram.Interrupt("Resuming from step ", photos.PathOf("."), train);
        resumed.ExitCode.Should().Be(130);
    }

    [Fact]
    public async Task Ctrl_C_ends_the_server_of_pages_with_130()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The signal is sent with a program of Linux.");

        ToolRun view = await ToolProgram.Interrupt(" shows the runs in ", photos.PathOf("."), "view", photos.Images, "--port", "0");

        (view.ExitCode, view.Errors).Should().Be((130, ""));
    }

    [Fact]
    public async Task Two_launched_processes_train_one_run_and_print_it_once()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/mpirun"), "Open MPI is not installed.");

        ToolRun run = await ToolProgram.Run(
            TorchBackend.Folder, photos.PathOf("."), "launch", photos.RunFile, "--processes", "2", "--set", "training.steps=2");

        run.ExitCode.Should().Be(0, run.Errors);
        run.Output.Split("Completed at step 2").Should().HaveCount(2);
    }

    [Fact]
    public void A_mistake_is_reported_before_a_process_starts()
    {
        ToolRun run = ToolRun.Of("launch", photos.RunFile, "--set", "training.setps=2");

        run.ExitCode.Should().Be(2);
        run.Errors.Should().Contain("Did you mean training.steps?");
    }

    public void Dispose() => photos.Dispose();
}

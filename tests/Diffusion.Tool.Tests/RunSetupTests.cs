using Diffusion.Data;
using Diffusion.Tool.RunFiles;
using Diffusion.Tool.Running;
using TorchSharp;

namespace Diffusion.Tool.Tests;

public sealed class RunSetupTests
{
    [Theory]
    [InlineData("best", false)]
    [InlineData("cuda", false)]
    [InlineData(" CUDA ", false)]
    [InlineData("cuda:1", true)]
    [InlineData("cpu", true)]
    public void Each_process_takes_its_own_GPU_unless_the_run_names_one(string device, bool namesOne) =>
        RunSetup.NamesOne(device).Should().Be(namesOne);

    [Fact]
    public void The_device_that_a_process_takes_itself_has_the_threads_of_the_run()
    {
        int threads = torch.get_num_threads();
        try
        {
            using SmallPhotos photos = new();
            RunFile run = RunFileReader.Read(photos.RunFile, ["device=best", $"cpuThreads={threads + 1}"], runFolder: null);
            using IImageSource images = RunData.Open(run.Data, TestContext.Current.CancellationToken);
            using IDiffusionModel model = RunNetwork.Create(run, images.Shape, images.ClassCount);

            RunSetup.Builder(run, images, model, isDistributed: true);

            torch.get_num_threads().Should().Be(threads + 1);
        }
        finally
        {
            torch.set_num_threads(threads);
        }
    }
}

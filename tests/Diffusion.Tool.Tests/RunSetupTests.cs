using Diffusion.Tool.Running;

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
}

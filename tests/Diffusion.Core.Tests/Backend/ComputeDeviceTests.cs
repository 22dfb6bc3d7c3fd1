using TorchSharp;

namespace Diffusion.Core.Tests.Backend;

public sealed class ComputeDeviceTests : IDisposable
{
    private readonly int threads = torch.get_num_threads();

    public void Dispose() => torch.set_num_threads(threads);

    [Theory]
    [InlineData("cpu", "cpu")]
    [InlineData(" CPU ", "cpu")]
    public void A_name_is_read_whatever_its_case(string text, string name) => ComputeDevice.Parse(text).ToString().Should().Be(name);

    [Theory]
    [InlineData("")]
    [InlineData("gpu")]
    [InlineData("cuda:")]
    [InlineData("cuda:-1")]
    [InlineData("cuda:one")]
    [InlineData("cuda: 1")]
    [InlineData("cpu:0")]
    [InlineData("cuda:99999999999")]
    public void A_name_that_is_none_is_refused_with_those_that_are(string text)
    {
        Action parse = () => ComputeDevice.Parse(text);

        parse.Should().Throw<FormatException>().WithMessage($"Device '{text}' is unknown. Use best, cpu, cuda, cuda:<number> or mps.");
    }

    [Fact]
    public void A_CUDA_device_that_is_not_there_is_refused_with_the_remedy()
    {
        Assert.SkipWhen(torch.cuda.is_available(), "This machine has a CUDA device.");
        foreach (string name in (string[])["cuda", "cuda:0", "cuda:7"])
        {
            Action parse = () => ComputeDevice.Parse(name);

            parse.Should().Throw<InvalidOperationException>()
                .WithMessage(
                    "CUDA device * was requested, but this machine has none. Use cpu, or best; *TorchSharp-cuda-linux*DIFFUSION_LIBTORCH*");
        }
    }

    [Fact]
    public void A_CUDA_index_below_zero_is_refused()
    {
        Action ask = () => ComputeDevice.Cuda(-1);

        ask.Should().Throw<InvalidOperationException>().WithMessage("CUDA device -1 *");
    }

    [Fact]
    public void An_Apple_GPU_that_is_not_there_is_refused()
    {
        Assert.SkipWhen(torch.mps_is_available(), "This machine has an Apple GPU.");
        Action parse = () => ComputeDevice.Parse("mps");

        parse.Should().Throw<InvalidOperationException>().WithMessage("*Use cpu or best.");
    }

    [Fact]
    public void The_best_device_is_the_CPU_where_there_is_no_other()
    {
        Assert.SkipWhen(torch.cuda.is_available() || torch.mps_is_available(), "This machine has a GPU.");

        ComputeDevice.Best.Should().Be(ComputeDevice.Cpu());
        ComputeDevice.Parse("best").Type.Should().Be(DeviceType.CPU);
    }

    [Fact]
    public void Activating_a_device_sets_the_threads_of_libtorch()
    {
        torch.Device device = ComputeDevice.Cpu(threads: threads + 1).Activate();

        device.type.Should().Be(DeviceType.CPU);
        torch.get_num_threads().Should().Be(threads + 1);
        ComputeDevice.Cpu().CpuThreads.Should().Be(threads + 1, "the present count is the default");
    }

    [Fact]
    public void Making_a_device_sets_nothing()
    {
        ComputeDevice.Cpu(threads: threads + 3).CpuThreads.Should().Be(threads + 3);

        torch.get_num_threads().Should().Be(threads);
    }

    [Fact]
    public void Devices_of_different_thread_counts_are_different()
    {
        ComputeDevice one = ComputeDevice.Cpu(threads: 1);

        one.WithCpuThreads(2).Should().Be(ComputeDevice.Cpu(threads: 2)).And.NotBe(one);
        one.WithCpuThreads(null).Should().Be(one);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-2)]
    public void A_thread_count_below_one_is_refused(int count)
    {
        Action ask = () => ComputeDevice.Cpu(threads: count);

        ask.Should().Throw<ArgumentOutOfRangeException>().WithMessage("The number of CPU threads must be at least 1.*");
    }
}

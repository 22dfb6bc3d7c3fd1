namespace Diffusion.Training.Tests.Distributed.Nccl;

public sealed class NcclLibraryTests
{
    public NcclLibraryTests() => NcclStub.Reset();

    [Fact]
    public void A_missing_library_is_told_with_the_places_and_how_to_install_it()
    {
        List<string> tried = [];

        FluentActions.Invoking(() => NcclSearch.Load("/env/site-packages/torch/lib", Try)).Should().Throw<DistributedException>()
            .WithMessage("NCCL was not found in libnccl.so.2, *. Install it: apt-get install libnccl2 *");
        tried.Should().Equal(
            "libnccl.so.2", "/env/site-packages/nvidia/nccl/lib/libnccl.so.2", "/env/site-packages/torch/lib/libtorch_cuda.so");

        Func<string, nint>? Try(string place)
        {
            tried.Add(place);
            return null;
        }
    }

    [Fact]
    public void An_old_library_does_not_hide_a_newer_one()
    {
        NcclLibrary found = NcclSearch.Load("/env/site-packages/torch/lib", place =>
        {
            NcclStub.Version = place == "libnccl.so.2" ? 21605 : 22705;
            return NcclStub.Symbol;
        });

        found.Version.Should().Be("NCCL 2.27.5");
    }

    [Fact]
    public void If_all_libraries_are_too_old_the_first_is_named()
    {
        NcclStub.Version = 21605;

        FluentActions.Invoking(() => NcclSearch.Load("/env/site-packages/torch/lib", _ => NcclStub.Symbol))
            .Should().Throw<DistributedException>().WithMessage("libnccl.so.2: The version number of the NCCL library is 21605, *");
    }

    [Theory]
    [InlineData("ncclAllReduce")]
    [InlineData("ncclCommGetAsyncError")]
    [InlineData("ncclReduceScatter")]
    public void A_missing_function_is_named(string function)
    {
        NcclStub.Remove(function);

        FluentActions.Invoking(() => new NcclLibrary(NcclStub.Symbol)).Should().Throw<DistributedException>()
            .WithMessage($"The NCCL library has no {function}. Install NCCL 2.17 or newer: *");
    }

    [Fact]
    public void An_old_version_is_refused()
    {
        NcclStub.Version = 21605;

        FluentActions.Invoking(() => new NcclLibrary(NcclStub.Symbol)).Should().Throw<DistributedException>()
            .WithMessage("The version number of the NCCL library is 21605, but must be at least 21700 (2.17). *");
    }

    [Fact]
    public void A_missing_function_of_the_driver_is_named()
    {
        NcclStub.Remove("cuEventQuery");

        FluentActions.Invoking(() => new CudaDriver(NcclStub.Symbol)).Should().Throw<DistributedException>()
            .WithMessage("NVIDIA's driver has no cuEventQuery. *");
    }

    [Theory]
    [InlineData(0, 8, 8, null, 0)]
    [InlineData(7, 8, 8, null, 7)]
    [InlineData(7, null, 8, null, 7)]
    [InlineData(3, 4, 1, "5", 0)]
    [InlineData(0, 4, 1, "0", 0)]
    [InlineData(1, 2, 2, "4,6", 1)]
    public void The_GPU_of_a_process_is_that_of_its_number_on_the_machine(
        int localRank, int? localWorldSize, int count, string? visible, int index) =>
        RankDevice.Index(localRank, localWorldSize, count, visible).Should().Be(index);

    [Theory]
    [InlineData(1, null, 1, null, "This process is number 2 of those on its machine, but sees 1 GPU. *")]
    [InlineData(0, 2, 1, null, "This process is number 1 of 2 on its machine, but sees 1 GPU. *")]
    [InlineData(0, 9, 4, "0,1,2,3", "This process is number 1 of 9 on its machine, but sees 4 GPUs (CUDA_VISIBLE_DEVICES is 0,1,2,3). *")]
    [InlineData(8, 9, 4, "0,1,2,3", "This process is number 9 of 9 on its machine, but sees 4 GPUs (CUDA_VISIBLE_DEVICES is 0,1,2,3). *")]
    public void Fewer_GPUs_than_processes_are_refused_by_all_processes_of_the_machine(
        int localRank, int? localWorldSize, int count, string? visible, string message) =>
        FluentActions.Invoking(() => RankDevice.Index(localRank, localWorldSize, count, visible)).Should().Throw<DistributedException>()
            .WithMessage(message);
}

using System.Runtime.InteropServices;
using TorchSharp;

namespace Diffusion.Core.Tests.Backend;

/// <summary>When cuDNN searches for the fastest algorithms.</summary>
public sealed unsafe class AlgorithmSearchTests
{
    [Fact]
    public void It_searches_from_the_first_training_to_the_end_of_the_last()
    {
        List<bool> set = [];
        AlgorithmSearch search = new(set.Add);

        IDisposable first = search.For(DeviceType.CUDA)!;
        IDisposable second = search.For(DeviceType.CUDA)!;
        first.Dispose();
        first.Dispose();
        set.Should().Equal(true);
        second.Dispose();
        set.Should().Equal(true, false);
        search.For(DeviceType.CUDA)!.Dispose();

        set.Should().Equal(true, false, true, false);
    }

    [Theory]
    [InlineData(DeviceType.CPU)]
    [InlineData(DeviceType.MPS)]
    public void Devices_without_cuDNN_leave_the_switch_alone(DeviceType device)
    {
        List<bool> set = [];

        new AlgorithmSearch(set.Add).For(device).Should().BeNull();

        set.Should().BeEmpty();
    }

    [Fact]
    public void Libtorch_has_the_switch_which_is_off_by_default()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The names of functions are others there.");
        IsOn().Should().BeFalse();

        try
        {
            ConvolutionLibraries.SearchAlgorithms(TorchBackend.Folder, isOn: true).Should().BeTrue();
            IsOn().Should().BeTrue();
        }
        finally
        {
            ConvolutionLibraries.SearchAlgorithms(TorchBackend.Folder, isOn: false);
        }

        IsOn().Should().BeFalse();
    }

    [Fact]
    public void A_libtorch_without_the_switch_is_tolerated() =>
        ConvolutionLibraries.SearchAlgorithms(Path.Combine(Path.GetTempPath(), "no-libtorch"), isOn: true).Should().BeFalse();

    private static bool IsOn()
    {
        nint library = NativeLibrary.Load(Path.Combine(TorchBackend.Folder, NativeSearch.FileName("torch_cpu")));
        nint context = NativeLibrary.GetExport(library, ConvolutionLibraries.Context);
        nint benchmark = NativeLibrary.GetExport(library, "_ZNK2at7Context14benchmarkCuDNNEv"); // at::Context::benchmarkCuDNN()
        return ((delegate* unmanaged<nint, byte>)benchmark)(((delegate* unmanaged<nint>)context)()) != 0;
    }
}

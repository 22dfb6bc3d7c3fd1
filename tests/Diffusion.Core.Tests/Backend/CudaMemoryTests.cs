using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;

namespace Diffusion.Core.Tests.Backend;

/// <summary>The memory of a GPU, as a driver tells it.</summary>
public sealed unsafe class CudaMemoryTests
{
    private const int NoSuchDevice = 101;
    private static readonly Dictionary<string, nint> Functions = new(StringComparer.Ordinal)
    {
        ["cuInit"] = (nint)(delegate* unmanaged[Cdecl]<uint, int>)&Start,
        ["cuDeviceGet"] = (nint)(delegate* unmanaged[Cdecl]<int*, int, int>)&Find,
        ["cuDeviceTotalMem_v2"] = (nint)(delegate* unmanaged[Cdecl]<nuint*, int, int>)&Total,
    };

    [Fact]
    public void The_driver_is_asked_for_the_GPU_of_that_index()
    {
        CudaMemory.BytesOf(1, Functions.GetValueOrDefault).Should().Be(80L << 30);
        CudaMemory.BytesOf(0, Functions.GetValueOrDefault).Should().Be(24L << 30);
    }

    [Fact]
    public void An_index_that_the_driver_does_not_know_has_no_known_memory() =>
        CudaMemory.BytesOf(2, Functions.GetValueOrDefault).Should().BeNull();

    [Theory]
    [InlineData("cuInit")]
    [InlineData("cuDeviceGet")]
    [InlineData("cuDeviceTotalMem_v2")]
    public void A_driver_without_a_function_is_not_asked(string missing) =>
        CudaMemory.BytesOf(0, name => name == missing ? 0 : Functions.GetValueOrDefault(name)).Should().BeNull();

    [Fact]
    public void Without_a_driver_the_memory_is_not_known()
    {
        Assert.SkipWhen(torch.cuda.is_available(), "This machine has a CUDA device.");
        CudaMemory.BytesOf(99).Should().BeNull();
    }

    [Fact]
    public void Memory_of_a_CUDA_device_is_known()
    {
        Assert.SkipUnless(torch.cuda.is_available(), "This machine has no CUDA device.");
        ComputeDevice.Cuda().MemoryBytes.Should().BePositive();
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Start(uint flags) => flags == 0 ? 0 : 1;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Find(int* device, int index)
    {
        *device = 10 + index;
        return index < 2 ? 0 : NoSuchDevice;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Total(nuint* bytes, int device)
    {
        *bytes = (nuint)(device == 11 ? 80 : 24) << 30;
        return 0;
    }
}

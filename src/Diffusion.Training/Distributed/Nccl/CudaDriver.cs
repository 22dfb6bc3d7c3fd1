using System.Runtime.InteropServices;

namespace Diffusion.Training;

/// <summary>
/// The part of CUDA's driver interface that orders work on a GPU. Contexts, streams and events are addresses; stream 0 is the one on which
/// libtorch computes.
/// </summary>
internal sealed unsafe class CudaDriver
{
    private const int Success = 0;
    private const int NotReady = 600;
    private const uint NonBlocking = 1;
    private const uint DisableTiming = 2;
    private const int Now = 0x2; // RTLD_NOW

    private readonly Func<string, nint> symbol;
    private readonly delegate* unmanaged<nint, int> push;
    private readonly delegate* unmanaged<nint*, int> pop;
    private readonly delegate* unmanaged<nint, nint, int> record;
    private readonly delegate* unmanaged<nint, nint, uint, int> waitEvent;
    private readonly delegate* unmanaged<nint, int> query;

    /// <param name="symbol">The address of a function; 0 if there is none of that name.</param>
    /// <exception cref="DistributedException">A function is missing.</exception>
    public CudaDriver(Func<string, nint> symbol)
    {
        this.symbol = symbol;
        push = (delegate* unmanaged<nint, int>)Symbol("cuCtxPushCurrent_v2");
        pop = (delegate* unmanaged<nint*, int>)Symbol("cuCtxPopCurrent_v2");
        record = (delegate* unmanaged<nint, nint, int>)Symbol("cuEventRecord");
        waitEvent = (delegate* unmanaged<nint, nint, uint, int>)Symbol("cuStreamWaitEvent");
        query = (delegate* unmanaged<nint, int>)Symbol("cuEventQuery");
    }

    /// <summary>Loads the driver.</summary>
    /// <exception cref="DistributedException">NVIDIA's driver is not installed.</exception>
    public static CudaDriver Load()
    {
        nint library = NativeEnvironment.Load("libcuda.so.1", Now);
        return library != 0
            ? new CudaDriver(name => NativeLibrary.TryGetExport(library, name, out nint address) ? address : 0)
            : throw new DistributedException("libcuda.so.1 was not found. Install NVIDIA's driver, or start the container with its GPUs.");
    }

    /// <summary>Keeps the context that libtorch uses on a GPU, until <see cref="Release"/>.</summary>
    /// <param name="index">The index of the GPU.</param>
    public nint Retain(int index)
    {
        Check(((delegate* unmanaged<uint, int>)Symbol("cuInit"))(0), "cuInit");
        nint context = 0;
        int device = Device(index);
        Check(((delegate* unmanaged<nint*, int, int>)Symbol("cuDevicePrimaryCtxRetain"))(&context, device), "cuDevicePrimaryCtxRetain");
        return context;
    }

    /// <summary>Gives the context of a GPU back.</summary>
    public void Release(int index)
    {
        int device = Device(index);
        Check(((delegate* unmanaged<int, int>)Symbol("cuDevicePrimaryCtxRelease_v2"))(device), "cuDevicePrimaryCtxRelease_v2");
    }

    /// <summary>Makes a context current on this thread until the result is disposed.</summary>
    public Current Use(nint context)
    {
        Check(push(context), "cuCtxPushCurrent");
        return new Current(this);
    }

    /// <summary>Creates a stream that runs beside stream 0.</summary>
    public nint CreateStream()
    {
        nint stream = 0;
        Check(((delegate* unmanaged<nint*, uint, int>)Symbol("cuStreamCreate"))(&stream, NonBlocking), "cuStreamCreate");
        return stream;
    }

    /// <summary>Creates an event.</summary>
    public nint CreateEvent()
    {
        nint created = 0;
        Check(((delegate* unmanaged<nint*, uint, int>)Symbol("cuEventCreate"))(&created, DisableTiming), "cuEventCreate");
        return created;
    }

    /// <summary>Allocates memory of the device.</summary>
    public nint Allocate(int bytes)
    {
        nint address = 0;
        Check(((delegate* unmanaged<nint*, nuint, int>)Symbol("cuMemAlloc_v2"))(&address, (nuint)bytes), "cuMemAlloc");
        return address;
    }

    /// <summary>Marks the end of the work that a stream has now.</summary>
    public void Record(nint mark, nint stream) => Check(record(mark, stream), "cuEventRecord");

    /// <summary>Makes the later work of a stream wait for a mark.</summary>
    public void Wait(nint stream, nint mark) => Check(waitEvent(stream, mark, 0), "cuStreamWaitEvent");

    /// <summary>Whether the work before a mark is done; never waits.</summary>
    public bool IsDone(nint mark)
    {
        int code = query(mark);
        if (code != NotReady)
        {
            Check(code, "cuEventQuery");
        }

        return code == Success;
    }

    public void FreeStream(nint stream) => Check(((delegate* unmanaged<nint, int>)Symbol("cuStreamDestroy_v2"))(stream), "cuStreamDestroy");

    public void FreeEvent(nint freed) => Check(((delegate* unmanaged<nint, int>)Symbol("cuEventDestroy_v2"))(freed), "cuEventDestroy");

    public void Free(nint memory) => Check(((delegate* unmanaged<nint, int>)Symbol("cuMemFree_v2"))(memory), "cuMemFree");

    private int Device(int index)
    {
        int device = 0;
        Check(((delegate* unmanaged<int*, int, int>)Symbol("cuDeviceGet"))(&device, index), "cuDeviceGet");
        return device;
    }

    private nint Symbol(string name) => symbol(name) is not 0 and var address
        ? address
        : throw new DistributedException($"NVIDIA's driver has no {name}. Install a newer driver.");

    private void Check(int code, string function)
    {
        if (code != Success)
        {
            nint text = 0;
            int known = ((delegate* unmanaged<int, nint*, int>)Symbol("cuGetErrorString"))(code, &text);
            throw new DistributedException(
                $"{function} failed: {(known == Success ? Marshal.PtrToStringUTF8(text) : "unknown error")} (error {code} of CUDA).");
        }
    }

    /// <summary>A context that is current on this thread.</summary>
    public readonly ref struct Current(CudaDriver driver)
    {
        public void Dispose()
        {
            nint previous = 0;
            _ = driver.pop(&previous); // it also returns errors of earlier work, which the next call finds
        }
    }
}

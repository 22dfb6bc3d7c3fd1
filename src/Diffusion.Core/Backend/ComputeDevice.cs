using System.Collections.Concurrent;
using System.Globalization;
using TorchSharp;

namespace Diffusion;

/// <summary>Where tensors live and arithmetic runs, and how many CPU threads libtorch uses.</summary>
/// <remarks>
/// CPU results differ in their last bits between thread counts and repeat exactly with the same count, so the count belongs to the
/// device, and a checkpoint records it. The process has one thread count: the device activated last sets it.
/// </remarks>
public sealed record ComputeDevice
{
    // Whether the CPU convolves rightly in a precision of 16 bits, by a comparison once in a process.
    private static readonly ConcurrentDictionary<Precision, Lazy<bool>> HalfConvolutions = new();

    private ComputeDevice(DeviceType type, int index, int cpuThreads)
    {
        Type = type;
        Index = index;
        CpuThreads = cpuThreads;
    }

    /// <summary>CPU, CUDA or MPS.</summary>
    public DeviceType Type { get; }

    /// <summary>The index among devices of the type, from 0; -1 for the CPU.</summary>
    public int Index { get; }

    /// <summary>How many threads libtorch's CPU operators use.</summary>
    public int CpuThreads { get; private init; }

    /// <summary>
    /// The memory of the device in bytes: on the CPU that of the machine, or the limit of the container; on an NVIDIA GPU all of it, as its
    /// driver says. Null where it is not known, as on MPS.
    /// </summary>
    public long? MemoryBytes => Type switch
    {
        DeviceType.CPU => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
        DeviceType.CUDA => CudaMemory.BytesOf(Index),
        _ => null,
    };

    /// <summary>The first CUDA device if there is one, else MPS (Apple), else the CPU.</summary>
    /// <exception cref="NativeBackendException">libtorch cannot be loaded.</exception>
    public static ComputeDevice Best
    {
        get
        {
            TorchBackend.EnsureLoaded();
            return torch.cuda.is_available() ? Cuda() : torch.mps_is_available() ? Mps : Cpu();
        }
    }

    /// <summary>The Apple GPU.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public static ComputeDevice Mps
    {
        get
        {
            TorchBackend.EnsureLoaded();
            return torch.mps_is_available()
                ? new ComputeDevice(DeviceType.MPS, 0, torch.get_num_threads())
                : throw new InvalidOperationException("An MPS device was requested, but this machine has none. Use cpu or best.");
        }
    }

    /// <summary>The CPU.</summary>
    /// <param name="threads">How many threads operators use; by default as many as the process uses now.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="threads"/> is below 1.</exception>
    /// <exception cref="NativeBackendException">libtorch cannot be loaded.</exception>
    public static ComputeDevice Cpu(int? threads = null)
    {
        TorchBackend.EnsureLoaded();
        return new ComputeDevice(DeviceType.CPU, -1, torch.get_num_threads()).WithCpuThreads(threads);
    }

    /// <summary>An NVIDIA GPU.</summary>
    /// <param name="index">Which, from 0.</param>
    /// <exception cref="InvalidOperationException">There is no CUDA device of that index.</exception>
    /// <exception cref="NativeBackendException">libtorch cannot be loaded.</exception>
    public static ComputeDevice Cuda(int index = 0)
    {
        TorchBackend.EnsureLoaded();
        int count = torch.cuda.is_available() ? torch.cuda.device_count() : 0;
        return index >= 0 && index < count
            ? new ComputeDevice(DeviceType.CUDA, index, torch.get_num_threads())
            : throw new InvalidOperationException(
                $"CUDA device {index} was requested, but this machine has {(count == 0 ? "none" : $"only {count}")}. Use "
                    + $"cpu, or best; "
                + "for CUDA the application needs a CUDA build of libtorch (package TorchSharp-cuda-linux or TorchSharp-cuda-windows, "
                + $"or {TorchBackend.FolderVariable} naming a folder that holds one) and NVIDIA's driver.");
    }

    /// <summary>Reads a device's name: <c>best</c>, <c>cpu</c>, <c>cuda</c>, <c>cuda:1</c> or <c>mps</c>.</summary>
    /// <exception cref="FormatException">The text is none of these.</exception>
    /// <exception cref="InvalidOperationException">This machine does not have the device.</exception>
    public static ComputeDevice Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string name = text.Trim().ToLowerInvariant();
        return name switch
        {
            "best" => Best,
            "cpu" => Cpu(),
            "mps" => Mps,
            "cuda" => Cuda(),
            _ when name.StartsWith("cuda:", StringComparison.Ordinal)
                && int.TryParse(name.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out int index) => Cuda(index),
            _ => throw new FormatException($"Device '{text}' is unknown. Use best, cpu, cuda, cuda:<number> or mps."),
        };
    }

    /// <summary>The same device with another number of CPU threads.</summary>
    /// <param name="threads">At least 1; null keeps the present count.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="threads"/> is below 1.</exception>
    public ComputeDevice WithCpuThreads(int? threads)
    {
        if (threads is < 1)
        {
            throw new ArgumentOutOfRangeException(nameof(threads), threads, "The number of CPU threads must be at least 1.");
        }

        return this with { CpuThreads = threads ?? CpuThreads };
    }

    /// <summary>
    /// Whether networks can compute in a precision on this device. It may still be slower there than float32: <see cref="PrecisionSpeed"/>
    /// measures it. False for <see cref="Precision.Best"/>, which is none by itself.
    /// </summary>
    /// <remarks>
    /// For 16 bits on a CPU the first call of a process compares a few convolutions with those in float64, because they were wrong on some
    /// processors; where they differ, this is false.
    /// </remarks>
    /// <param name="precision">The precision.</param>
    public bool Supports(Precision precision) => precision switch
    {
        Precision.Float32 => true,
        Precision.TensorFloat32 => Type == DeviceType.CUDA,
        Precision.BFloat16 or Precision.Float16 => Type == DeviceType.CUDA
            || (Type == DeviceType.CPU && HasRight(precision)),
        _ => false,
    };

    /// <summary>Sets the process's thread count to this device's and returns TorchSharp's device.</summary>
    public torch.Device Activate()
    {
        if (torch.get_num_threads() != CpuThreads)
        {
            torch.set_num_threads(CpuThreads);
        }

        return new torch.Device(Type, Index);
    }

    /// <summary>The name that <see cref="Parse"/> reads: <c>cpu</c>, <c>cuda:0</c>, <c>mps</c>.</summary>
    public override string ToString() => Type == DeviceType.CUDA ? $"cuda:{Index}" : Type.ToString().ToLowerInvariant();

    private static bool HasRight(Precision precision) =>
        HalfConvolutions.GetOrAdd(precision, asked => new Lazy<bool>(() => ConvolutionCheck.AreRight(PrecisionTypes.TypeOf(asked)))).Value;
}

using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// Measures how fast a device computes in a precision: the forward and backward pass of a 3 x 3 convolution, which is most of the work of
/// a U-Net. The process measures each device and precision once.
/// </summary>
/// <remarks>
/// The convolution is of 8 images of 128 x 16 x 16; on an NVIDIA GPU of as many as it takes 5 milliseconds for in float32, at most 4096, so
/// that the measurement is of the GPU and not of the host that starts its work. A whole step gains less than its convolutions, and on a
/// large GPU a small batch gains nothing.
/// </remarks>
public static class PrecisionSpeed
{
    private const int MinImages = 8;
    private const int MaxImages = 4096;
    private const int Channels = 128;
    private const int Size = 16;
    private const int Repetitions = 5;

    // Of a GPU: what one pass takes at least, how many are queued before the host waits, and the share of the memory that they may use.
    private const double MinSeconds = 0.005;
    private const int QueuedPasses = 10;
    private const double MemoryShare = 0.125;
    private const long UnknownMemory = 4L << 30;

    // Images, result, and the gradient of each, in float32.
    private const long BytesPerImage = 4L * Channels * Size * Size * sizeof(float);

    private static readonly ConcurrentDictionary<(ComputeDevice Device, Precision Precision), Lazy<double>> Measured = new();
    private static readonly ConcurrentDictionary<ComputeDevice, Lazy<int>> ImagesOfGpus = new();

    /// <summary>How much faster than float32 a precision must be to be worth its rounding: 1.1 times.</summary>
    public const double WorthIt = 1.1;

    /// <summary>How many times as fast as in float32 the device computes in a precision; below 1 it is slower.</summary>
    /// <param name="device">The device. It should have nothing else to do.</param>
    /// <param name="precision">The precision.</param>
    /// <exception cref="ArgumentException">
    /// The device does not support the precision, or it is <see cref="Precision.Best"/>.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// The device is an NVIDIA GPU that has not been measured, and a training of this process computes in a precision that excludes the
    /// measured ones (<see cref="Precision.TensorFloat32"/>).
    /// </exception>
    public static double Of(ComputeDevice device, Precision precision)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (!device.Supports(precision))
        {
            throw new ArgumentException($"{device} does not compute in {precision}. Use Float32.", nameof(precision));
        }

        return Measured.GetOrAdd((device, precision), asked => new Lazy<double>(
            () => Measure(asked.Device, asked.Precision), LazyThreadSafetyMode.PublicationOnly)).Value; // remembers no exception
    }

    /// <summary>
    /// The same; null where it cannot be measured now, because another training of this process computes in
    /// <see cref="Precision.TensorFloat32"/>.
    /// </summary>
    internal static double? OfOrNull(ComputeDevice device, Precision precision) => OrNull(() => Of(device, precision));

    /// <summary>The result of a measurement; null if another training needs the switch of TF32 in the other setting.</summary>
    internal static double? OrNull(Func<double> measure)
    {
        try
        {
            return measure();
        }
        catch (InvalidOperationException) when (!Float32Products.IsFree(tensorFloat32: false))
        {
            return null;
        }
    }

    /// <summary>
    /// The fastest precision of a device. <see cref="Precision.TensorFloat32"/>, <see cref="Precision.BFloat16"/> and
    /// <see cref="Precision.Float16"/>, in this order, must each be at least <see cref="WorthIt"/> times as fast as the best before it. A
    /// processor is never found to be the fastest in float16.
    /// </summary>
    /// <param name="device">The device. It should have nothing else to do.</param>
    /// <exception cref="InvalidOperationException">
    /// The device is an NVIDIA GPU that has not been measured, and a training of this process computes in
    /// <see cref="Precision.TensorFloat32"/>.
    /// </exception>
    public static Precision BestOf(ComputeDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return Fastest(Candidates(device), precision => Of(device, precision));
    }

    /// <summary>The fastest of some precisions and <see cref="Precision.Float32"/>.</summary>
    /// <param name="candidates">The precisions, from the one that rounds the least.</param>
    /// <param name="speedOf">How many times as fast as float32 each is.</param>
    internal static Precision Fastest(IEnumerable<Precision> candidates, Func<Precision, double> speedOf)
    {
        (Precision best, double fastest) = (Precision.Float32, 1.0);
        foreach (Precision candidate in candidates)
        {
            if (speedOf(candidate) is var speed && speed >= WorthIt * fastest)
            {
                (best, fastest) = (candidate, speed);
            }
        }

        return best;
    }

    /// <summary>What <see cref="BestOf"/> measures on a device, from the one that rounds the least.</summary>
    internal static IEnumerable<Precision> Candidates(ComputeDevice device) =>
        ((Precision[])[Precision.TensorFloat32, Precision.BFloat16, Precision.Float16]).Where(precision => device.Supports(precision)
            && (precision != Precision.Float16 || device.Type != DeviceType.CPU)
            && (precision != Precision.TensorFloat32 || Float32Products.IsFree(tensorFloat32: true)));

    /// <summary>
    /// How many images a GPU is measured with: doubled until a pass in float32 takes long enough, or the images take their share of the
    /// memory.
    /// </summary>
    /// <param name="memoryBytes">The memory of the GPU; null if it is not known.</param>
    /// <param name="secondsOf">Measures a pass over a number of images.</param>
    internal static int ImagesFor(long? memoryBytes, Func<int, double> secondsOf)
    {
        double max = Math.Min(MaxImages, MemoryShare * (memoryBytes ?? UnknownMemory) / BytesPerImage);
        int images = MinImages;
        try
        {
            while (2 * images <= max && secondsOf(images) < MinSeconds)
            {
                images *= 2;
            }

            return images;
        }
        catch (ExternalException) when (images > MinImages)
        {
            return images / 2; // Others use the memory of the GPU.
        }
    }

    private static double Measure(ComputeDevice device, Precision precision)
    {
        int threads = get_num_threads();
        try
        {
            using IDisposable gradients = enable_grad();
            Device place = device.Activate();
            bool isGpu = device.Type == DeviceType.CUDA;
            int images = isGpu ? ImagesOn(device, place) : MinImages;
            int passes = isGpu ? QueuedPasses : 1;
            return Seconds(place, Precision.Float32, images, passes) / Seconds(place, precision, images, passes);
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    private static int ImagesOn(ComputeDevice device, Device place) => ImagesOfGpus.GetOrAdd(device, asked => new Lazy<int>(
        () => ImagesFor(asked.MemoryBytes, images => Seconds(place, Precision.Float32, images, QueuedPasses, repetitions: 1)),
        LazyThreadSafetyMode.PublicationOnly)).Value;

    // Of a pass: the median of a few measurements, after one to warm up.
    private static double Seconds(Device device, Precision precision, int count, int passes, int repetitions = Repetitions)
    {
        using Float32Products? products = Float32Products.For(device.type, precision);
        using DisposeScope scope = NewDisposeScope();
        ScalarType type = PrecisionTypes.TypeOf(precision);
        Tensor images = zeros([count, Channels, Size, Size], type, device).requires_grad_();
        Tensor weights = zeros([Channels, Channels, 3, 3], type, device).requires_grad_();
        double[] seconds = new double[repetitions];
        for (int i = -1; i < repetitions; i++)
        {
            using DisposeScope repetition = NewDisposeScope();
            long start = Stopwatch.GetTimestamp();
            for (int pass = 0; pass < passes; pass++)
            {
                using DisposeScope temporaries = NewDisposeScope();
                nn.functional.conv2d(images, weights, padding: [1, 1]).sum().backward();
            }

            _ = weights.grad!.sum().to(ScalarType.Float32).item<float>(); // waits for the device
            if (i >= 0)
            {
                seconds[i] = Stopwatch.GetElapsedTime(start).TotalSeconds / passes;
            }
        }

        Array.Sort(seconds);
        return seconds[repetitions / 2];
    }
}

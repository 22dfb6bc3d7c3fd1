using Diffusion.Data;
using TorchSharp;

namespace Diffusion.Training;

/// <summary>
/// Estimates the memory of a device that training a U-Net needs, before anything is allocated. It sums the tensors that each operation
/// keeps, and simulates the backward pass to find the peak.
/// </summary>
/// <remarks>
/// The estimate does not include the program itself, .NET, libtorch, images that a source keeps in memory or prefetches, and previews; on a
/// GPU not the context of CUDA and the workspace of cuDNN either. Measuring the held-out loss needs less than a training step of the same
/// size. Estimates for a CPU were compared with measurements, those for a GPU were not.
/// </remarks>
public sealed class MemoryEstimator
{
    // Images, noise, noisy images, the prediction, its gradient.
    private const long ImageTensors = 5;

    // In a lower precision: the rounded noisy images and the prediction.
    private const int RoundedImages = 2;

    /// <summary>Creates an estimator for a network and images of one size.</summary>
    /// <param name="network">The architecture.</param>
    /// <param name="images">The size of one image. Its channels must be those of the network.</param>
    /// <exception cref="ArgumentException">The architecture is invalid, or does not accept such images.</exception>
    public MemoryEstimator(UNet2DOptions network, ImageShape images)
    {
        ArgumentNullException.ThrowIfNull(network);
        network.Validate();
        if (images.Channels != network.InChannels)
        {
            throw new ArgumentException(
                $"The images have {images.Channels} channels, but the network takes {network.InChannels}. Make both the same.",
                    nameof(images));
        }

        int multiple = network.SizeMultiple;
        if (images.Height < 1 || images.Width < 1 || images.Height % multiple != 0 || images.Width % multiple != 0)
        {
            throw new ArgumentException(
                $"The images are {images.Height} x {images.Width}, but height and width must be multiples of {multiple}, and above 0. Use "
                + "another size, or a network with fewer levels.",
                nameof(images));
        }

        Network = network;
        Images = images;
    }

    /// <summary>The same training, perhaps of another network; initializers change it.</summary>
    internal MemoryEstimator(MemoryEstimator other, UNet2DOptions? network = null)
        : this(network ?? other.Network, other.Images)
    {
        Averages = other.Averages;
        AveragesOnCpu = other.AveragesOnCpu;
        CopiesForSaving = other.CopiesForSaving;
        Optimizer = other.Optimizer;
        GradientCheckpointing = other.GradientCheckpointing;
        MemoryBudgetBytes = other.MemoryBudgetBytes;
        Precision = other.Precision;
        ShardedOver = other.ShardedOver;
        Device = other.Device;
    }

    /// <summary>The architecture.</summary>
    public UNet2DOptions Network { get; }

    /// <summary>The size of one image.</summary>
    public ImageShape Images { get; }

    /// <summary>The number of averages of the weights, 0 or more. Default 1.</summary>
    public int Averages
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            field = value;
        }
    } = 1;

    /// <summary>
    /// Whether the averages are in the memory of the host (<see cref="TrainingOptions.EmaOnCpu"/>), so that they take none of an NVIDIA GPU
    /// while a step runs. They are there after the run, when the activations are not. Default false.
    /// </summary>
    public bool AveragesOnCpu { get; init; }

    /// <summary>
    /// The kind of device whose memory is estimated. Default the CPU. Some operations of a GPU are others, and what an NVIDIA GPU saves is
    /// copied to the memory of the host.
    /// </summary>
    public DeviceType Device { get; init; } = DeviceType.CPU;

    /// <summary>
    /// Whether a background thread saves checkpoints, from a copy. Default true; false for a run without a folder. On an NVIDIA GPU it does
    /// not matter.
    /// </summary>
    public bool CopiesForSaving { get; init; } = true;

    /// <summary>
    /// The number of processes of which each holds a part of the optimizer's state and of the averages
    /// (<see cref="DistributedOptions.ShardOptimizer"/>), at least 1. Default 1: every process holds all. The estimate is that of rank 0,
    /// which copies the whole state to save it. In the held-out loss and in previews it does not count the whole first average, which takes
    /// less than the activations of a step unless images are few or small.
    /// </summary>
    public int ShardedOver
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            field = value;
        }
    } = 1;

    /// <summary>The optimizer. Default <see cref="Optimizers.AdamW"/>.</summary>
    public IOptimizerFactory Optimizer { get; init; } = Optimizers.AdamW();

    /// <summary>
    /// The blocks that keep only their inputs and are recomputed in the backward pass: of the U-Net, its residual blocks, each with the
    /// attention behind it. Default none.
    /// </summary>
    public GradientCheckpointing GradientCheckpointing { get; init; }

    /// <summary>
    /// The memory that <see cref="GradientCheckpointing.Fit"/> chooses blocks for, in bytes. Null, the default, for no limit: then it
    /// chooses none. Methods with a budget use theirs.
    /// </summary>
    public long? MemoryBudgetBytes { get; init; }

    /// <summary>What the network computes in; <see cref="Precision.Best"/> counts as float32. Default float32.</summary>
    public Precision Precision { get; init; }

    /// <summary>Creates an estimator for a trainer with these options.</summary>
    /// <param name="network">The architecture.</param>
    /// <param name="images">The size of one image.</param>
    /// <param name="options">The options. Averages, run folder, gradient checkpointing, its budget, and precision matter.</param>
    /// <param name="optimizer">The optimizer. Null, the default, for <see cref="Optimizers.AdamW"/>.</param>
    /// <param name="shardedOver">
    /// The number of processes of which each holds a part of the optimizer's state and of the averages. Default 1: every process holds all.
    /// </param>
    /// <param name="device">The kind of device whose memory is estimated. Default the CPU.</param>
    /// <exception cref="ArgumentException">The architecture is invalid, or does not accept such images.</exception>
    public static MemoryEstimator For(
        UNet2DOptions network, ImageShape images, TrainingOptions options, IOptimizerFactory? optimizer = null, int shardedOver = 1,
        DeviceType device = DeviceType.CPU)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new MemoryEstimator(network, images)
        {
            Averages = options.Ema == EmaOptions.None ? 0 : 1 + options.AdditionalEma.Length,
            AveragesOnCpu = options.EmaOnCpu,
            CopiesForSaving = options.RunFolder is not null,
            GradientCheckpointing = options.GradientCheckpointing,
            MemoryBudgetBytes = options.MemoryBudgetBytes,
            Precision = options.Precision,
            Optimizer = optimizer ?? Optimizers.AdamW(),
            ShardedOver = shardedOver,
            Device = device,
        };
    }

    /// <summary>Estimates the memory of training.</summary>
    /// <param name="microBatchSize">Images per forward and backward pass, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The micro-batch is below 1.</exception>
    public MemoryEstimate Estimate(int microBatchSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(microBatchSize, 1);
        return GradientCheckpointing == GradientCheckpointing.Fit
            ? FittingLayers.Of(this, microBatchSize).Estimate
            : Of(Record(microBatchSize, new RecomputedLayers(GradientCheckpointing)), microBatchSize);
    }

    /// <summary>Whether what is saved is copied within the memory that is estimated.</summary>
    internal bool HoldsSavingCopy => CopiesForSaving && Device != DeviceType.CUDA;

    /// <summary>The operations of a forward pass.</summary>
    internal MemoryTape Record(int microBatchSize, RecomputedLayers recomputed) =>
        UNetTape.Record(Network, Images, microBatchSize, recomputed, Precision, isCpu: Device == DeviceType.CPU);

    /// <summary>The memory of training with these operations.</summary>
    internal MemoryEstimate Of(MemoryTape tape, int microBatchSize)
    {
        bool isRounded = PrecisionTypes.IsHalf(Precision);
        int numberBytes = PrecisionTypes.BytesOf(Precision);
        long flat = tape.FlatLength * sizeof(float);
        long state = (long)(Optimizer.StateBytesPerParameter * tape.FlatLength);
        long part = ShardedOver == 1 ? tape.FlatLength : new FlatShard(tape.FlatLength, Rank: 0, ShardedOver).Length;
        long activations = tape.Kept * numberBytes;
        long imageBytes = (ImageTensors * sizeof(float)) + (isRounded ? RoundedImages * numberBytes : 0);
        long images = imageBytes * microBatchSize * Images.Elements;
        long averages = Averages * part * sizeof(float);
        bool areElsewhere = AveragesOnCpu && Device == DeviceType.CUDA;
        long update = (long)(Optimizer.TemporaryBytesPerParameter * part) - images; // the update comes when the images are freed
        return new MemoryEstimate
        {
            MicroBatchSize = microBatchSize,
            Parameters = flat + (isRounded ? tape.FlatLength * numberBytes : 0),
            Gradients = flat,
            Optimizer = (long)(Optimizer.StateBytesPerParameter * part),
            Averages = areElsewhere ? 0 : averages,
            SavingCopy = HoldsSavingCopy ? ((1 + Averages) * flat) + state : 0,
            Images = images,
            Activations = activations,
            Transient = Math.Max(Math.Max(tape.Peak() * numberBytes, update), areElsewhere ? averages - images : 0) - activations,
            Blocks = tape.Blocks,
        };
    }

    /// <summary>The memory that gradient checkpointing of all blocks saves, whether it is on or not.</summary>
    /// <param name="microBatchSize">Images per forward and backward pass, at least 1.</param>
    /// <returns>The difference in bytes.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The micro-batch is below 1.</exception>
    public long SavedByCheckpointing(int microBatchSize) =>
        With(GradientCheckpointing.None).Estimate(microBatchSize).Total - With(GradientCheckpointing.All).Estimate(microBatchSize).Total;

    /// <summary>The largest micro-batch that fits.</summary>
    /// <param name="budgetBytes">The memory that is available for training, in bytes.</param>
    /// <returns>Images per forward and backward pass, at most 1,048,576. 0 if not even one image fits.</returns>
    public int MaxMicroBatch(long budgetBytes)
    {
        const int Max = 1 << 20;
        MemoryEstimator within = Within(budgetBytes);
        int fits = 0;
        int tooMany = Max + 1;
        while (tooMany - fits > 1)
        {
            int middle = fits + ((tooMany - fits) / 2);
            if (within.Estimate(middle).Total <= budgetBytes)
            {
                fits = middle;
            }
            else
            {
                tooMany = middle;
            }
        }

        return fits;
    }

    /// <summary>Says in words whether training fits, and what to change if it does not.</summary>
    /// <param name="microBatchSize">The desired images per forward and backward pass, at least 1.</param>
    /// <param name="budgetBytes">The memory that is available for training, in bytes.</param>
    /// <returns>
    /// One line if it fits. Otherwise one line, and one more for each change that makes it fit, starting with those that do not change the
    /// result of training.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException">The micro-batch is below 1.</exception>
    public string Advise(int microBatchSize, long budgetBytes)
    {
        MemoryEstimate asked = Within(budgetBytes).Estimate(microBatchSize);
        string budget = MemoryEstimate.Mebibytes(budgetBytes);
        if (asked.Total <= budgetBytes)
        {
            return $"It fits: {asked}, of {budget}.";
        }

        long oneImage = Within(budgetBytes).Estimate(1).Total;
        string one = oneImage <= budgetBytes ? string.Empty : $" Even one image at a time takes {MemoryEstimate.Mebibytes(oneImage)}.";
        string[] reductions = [.. Reductions(microBatchSize, budgetBytes)
            .Select(reduction => $"- {reduction.Change}: {MemoryEstimate.Mebibytes(reduction.Estimate.Total)}")];
        return string.Join(Environment.NewLine,
        [
            $"It does not fit into {budget}: {asked}.{one}",
            .. reductions.Length > 0 ? reductions : ["Use smaller images, a smaller network, or a computer with more memory."],
        ]);
    }

    /// <summary>The changes that make training fit, if it does not.</summary>
    internal IReadOnlyList<MemoryReduction> Reductions(int microBatchSize, long budgetBytes) =>
        Within(budgetBytes).Estimate(microBatchSize).Total <= budgetBytes
            ? []
            : [.. MemoryReductions.Of(Within(budgetBytes), microBatchSize, budgetBytes)];

    private MemoryEstimator Within(long budgetBytes) => new(this) { MemoryBudgetBytes = budgetBytes };

    private MemoryEstimator With(GradientCheckpointing blocks) => new(this) { GradientCheckpointing = blocks };
}

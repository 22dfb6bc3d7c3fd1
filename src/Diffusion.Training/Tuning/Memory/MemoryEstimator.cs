using Diffusion.Data;

namespace Diffusion.Training;

/// <summary>
/// How much memory the training of a U-Net takes on a CPU, before anything is allocated: every operation's kept tensors are added up block
/// by block, and the backward pass is walked through for the moment when most is needed.
/// </summary>
/// <remarks>
/// Not counted: the program itself with .NET and libtorch, images that a source holds in memory or reads ahead, and previews. A measurement
/// of the held-out loss needs less than a training step of the same size. On a GPU some operations keep other tensors.
/// </remarks>
public sealed class MemoryEstimator
{
    // Images, noise, noisy images, the answer, its gradient.
    private const long ImageTensors = 5;
    private const int Moments = 2;

    /// <summary>An estimator for a network and images of one size.</summary>
    /// <param name="network">The architecture.</param>
    /// <param name="images">The size of one image; its channels are the network's.</param>
    /// <exception cref="ArgumentException">No network can be built so, or it cannot take such images; the message says why.</exception>
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
                $"The images are {images.Height} x {images.Width}, but must have a height and width above 0 that divide by {multiple}. Use "
                + "another size, or fewer levels.",
                nameof(images));
        }

        Network = network;
        Images = images;
    }

    /// <summary>The architecture.</summary>
    public UNet2DOptions Network { get; }

    /// <summary>The size of one image.</summary>
    public ImageShape Images { get; }

    /// <summary>How many averages of the weights are kept, 0 or more; 1 by default.</summary>
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
    /// Whether checkpoints are saved while training continues, from a copy; true by default, false for a run without a folder.
    /// </summary>
    public bool CopiesForSaving { get; init; } = true;

    /// <summary>Whether layers keep only their inputs, and are computed again; false by default.</summary>
    public bool GradientCheckpointing { get; init; }

    /// <summary>An estimator that counts what a trainer with these options keeps.</summary>
    /// <param name="network">The architecture.</param>
    /// <param name="images">The size of one image.</param>
    /// <param name="options">Its averages, its folder and its gradient checkpointing are looked at.</param>
    /// <exception cref="ArgumentException">No network can be built so, or it cannot take such images; the message says why.</exception>
    public static MemoryEstimator For(UNet2DOptions network, ImageShape images, TrainingOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new MemoryEstimator(network, images)
        {
            Averages = options.EmaDecay is null ? 0 : 1 + options.AdditionalEmaDecays.Length,
            CopiesForSaving = options.RunFolder is not null,
            GradientCheckpointing = options.GradientCheckpointing,
        };
    }

    /// <summary>What training takes.</summary>
    /// <param name="microBatchSize">Images per forward and backward pass, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no image.</exception>
    public MemoryEstimate Estimate(int microBatchSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(microBatchSize, 1);
        MemoryTape tape = UNetTape.Record(Network, Images, microBatchSize, GradientCheckpointing);
        long flat = tape.FlatLength * sizeof(float);
        long activations = tape.Kept * sizeof(float);
        return new MemoryEstimate
        {
            MicroBatchSize = microBatchSize,
            Parameters = flat,
            Gradients = flat,
            Optimizer = Moments * flat,
            Averages = Averages * flat,
            SavingCopy = CopiesForSaving ? (1 + Moments + Averages) * flat : 0,
            Images = ImageTensors * microBatchSize * Images.Elements * sizeof(float),
            Activations = activations,
            Transient = (tape.Peak() * sizeof(float)) - activations,
            Blocks = tape.Blocks,
        };
    }

    /// <summary>What gradient checkpointing saves, whether it is on or not.</summary>
    /// <param name="microBatchSize">Images per forward and backward pass, at least 1.</param>
    /// <returns>Bytes; what training takes without, less what it takes with.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no image.</exception>
    public long SavedByCheckpointing(int microBatchSize) =>
        With(false).Estimate(microBatchSize).Total - With(true).Estimate(microBatchSize).Total;

    /// <summary>The largest micro-batch that fits.</summary>
    /// <param name="budgetBytes">The memory there is for training, in bytes.</param>
    /// <returns>Images per forward and backward pass, at most 1,048,576; 0 when not even one image fits.</returns>
    public int MaxMicroBatch(long budgetBytes)
    {
        const int Max = 1 << 20;
        int fits = 0;
        int tooMany = Max + 1;
        while (tooMany - fits > 1)
        {
            int middle = fits + ((tooMany - fits) / 2);
            if (Estimate(middle).Total <= budgetBytes)
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

    /// <summary>What to change so that training fits.</summary>
    /// <param name="microBatchSize">The micro-batch that is wanted, at least 1.</param>
    /// <param name="budgetBytes">The memory there is for training, in bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no image.</exception>
    public MemoryAdvice WaysToFit(int microBatchSize, long budgetBytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(microBatchSize, 1);
        MemoryEstimate asked = Estimate(microBatchSize);
        return new MemoryAdvice
        {
            BudgetBytes = budgetBytes,
            Asked = asked,
            OneImage = Estimate(1),
            Ways = asked.Total <= budgetBytes ? [] : [.. MemoryReductions.Of(this, microBatchSize, budgetBytes)],
        };
    }

    private MemoryEstimator With(bool checkpointing) =>
        new(Network, Images) { Averages = Averages, CopiesForSaving = CopiesForSaving, GradientCheckpointing = checkpointing };
}

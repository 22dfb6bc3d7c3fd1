using System.Diagnostics;
using System.Globalization;
using System.Runtime.ExceptionServices;
using static TorchSharp.torch;

namespace Diffusion.Data;

/// <summary>
/// Prefetches the batches of a training run on background threads. The content of a batch depends only on the seed and its position: the
/// number of workers, prefetching, processes and interruptions do not change it. A resumed run continues at any position at once.
/// </summary>
/// <remarks>
/// Images are buffered in the encoding of the source, bytes or floats, in reusable buffers, and converted to [-1, 1] on the device. Copies
/// to a CUDA device leave from pinned memory, and nothing waits for them. An error is thrown when its batch is due, after all batches
/// before it. Not thread-safe. The loader does not dispose the source, which must outlive it.
/// </remarks>
public sealed class BatchLoader : IDisposable
{
    internal const int BadImageAllowance = 10;

    private readonly BatchPlan plan;
    private readonly LoadingOptions options;
    private readonly Device device;
    private readonly Action<BadImage>? onBadImage;
    private readonly SampleReader samples;
    private readonly BatchFiller filler;
    private readonly BatchQueue queue;
    private readonly Thread[] workers;
    private BatchWork? unfilled;
    private long delivered;
    private Exception? failure;
    private bool disposed;

    /// <summary>Starts to read the batches of a training run, in the same order as a trainer with the same seed and options.</summary>
    /// <param name="source">The images.</param>
    /// <param name="batchSize">The number of images in a batch, at least 1.</param>
    /// <param name="seeds">The seed stream of the run; it determines the order of the images and their random transforms.</param>
    /// <param name="split">The images to hold out; null, the default, to train on all images.</param>
    /// <param name="start">The number of images already seen, 0 or more: <see cref="Position"/> of the run to resume. Default 0.</param>
    /// <param name="options">Shuffling, workers, prefetching and bad images; null for the defaults.</param>
    /// <param name="device">The device of the batches; null for the CPU.</param>
    /// <param name="onBadImage">
    /// Called for each image that could not be read, in the order of the batches, on the thread that calls <see cref="Next"/>. Default
    /// null.
    /// </param>
    /// <exception cref="ArgumentException">A value is out of range, or the split belongs to another number of images.</exception>
    public BatchLoader(
        IImageSource source,
        int batchSize,
        SeedStream seeds,
        HeldOutSplit? split = null,
        long start = 0,
        LoadingOptions? options = null,
        Device? device = null,
        Action<ImageDataException>? onBadImage = null)
        : this(
            source,
            OrderOf(source, batchSize, seeds, split, options ?? new LoadingOptions()),
            new BatchPlan { StepSize = batchSize, BatchSize = batchSize, Start = start },
            seeds,
            options,
            device,
            onBadImage is null ? null : bad => onBadImage(new ImageDataException(bad.Name, bad.Reason)))
    {
    }

    /// <summary>Starts to read batches in any order, for one of several processes.</summary>
    /// <param name="source">The images.</param>
    /// <param name="order">The image at each position.</param>
    /// <param name="plan">The positions of each batch.</param>
    /// <param name="seeds">The seed stream of the run, for random transforms and replacements.</param>
    /// <param name="options">Workers, prefetching and bad images; null for the defaults. Its order settings are not used.</param>
    /// <param name="device">The device of the batches; null for the CPU.</param>
    /// <param name="onBadImage">
    /// Called for each image that could not be read, in the order of the batches, on the thread that calls <see cref="Next"/>.
    /// </param>
    /// <exception cref="ArgumentException">A value of the plan or the options is out of range.</exception>
    internal BatchLoader(
        IImageSource source,
        ISampleOrder order,
        BatchPlan plan,
        SeedStream seeds,
        LoadingOptions? options = null,
        Device? device = null,
        Action<BadImage>? onBadImage = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(order);
        ArgumentNullException.ThrowIfNull(plan);
        plan.Check();
        this.plan = plan;
        this.options = options ?? new LoadingOptions();
        if (this.options.Problems is [_, ..] problems)
        {
            throw new ArgumentException(string.Join(Environment.NewLine, problems), nameof(options));
        }

        TorchBackend.EnsureLoaded();
        this.device = device ?? CPU;
        this.onBadImage = onBadImage;
        samples = new SampleReader(source);
        filler = new BatchFiller(samples, order, seeds, this.options.BadImages);

        // Without workers a batch is filled when it is requested, and one buffer is enough.
        int workerCount = this.options.WorkersFor(source);
        int buffers = workerCount == 0 ? 1 : this.options.Prefetch;
        queue = new BatchQueue([.. Enumerable.Range(0, buffers)
            .Select(_ => new BatchBuffer(samples, plan.BatchSize, this.device.type == TorchSharp.DeviceType.CUDA))]);
        workers = [.. Enumerable.Range(0, workerCount).Select(i => new Thread(Work) { IsBackground = true, Name = $"BatchLoader {i}" })];
        Array.ForEach(workers, worker => worker.Start());
    }

    /// <summary>
    /// The number of images seen: what a resumed run starts from. With several processes, the position after the last complete step of all
    /// processes.
    /// </summary>
    public long Position => plan.World == 1 ? plan.PositionOf(delivered) : plan.StepStartOf(delivered);

    /// <summary>The number of images returned.</summary>
    public long Images { get; private set; }

    /// <summary>The number of images that could not be read, up to the last batch that was returned.</summary>
    public long BadImages { get; private set; }

    /// <summary>The total time that <see cref="Next"/> has waited for images.</summary>
    public TimeSpan WaitTime { get; private set; }

    /// <summary>Returns the next batch.</summary>
    /// <param name="cancellationToken">Cancels the wait; the loader remains usable.</param>
    /// <returns>
    /// The batch, with its pixels on the device; the caller disposes it. It is smaller, or even empty, when bad images were skipped.
    /// </returns>
    /// <exception cref="ImageDataException">
    /// An image cannot be used and <see cref="LoadingOptions.BadImages"/> does not allow it, or there are too many such images. All later
    /// calls throw the same error.
    /// </exception>
    /// <exception cref="OperationCanceledException">The operation was canceled.</exception>
    public ImageBatch Next(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        cancellationToken.ThrowIfCancellationRequested();
        if (failure is not null)
        {
            ExceptionDispatchInfo.Throw(failure);
        }

        long began = Stopwatch.GetTimestamp();
        if (workers.Length == 0 && (unfilled is not null || queue.TryTake(out unfilled)))
        {
            // If this is canceled, the next call fills the batch.
            Fill(unfilled, cancellationToken);
            unfilled = null;
        }

        BatchWork batch = queue.Await(delivered, cancellationToken);
        WaitTime += Stopwatch.GetElapsedTime(began);
        try
        {
            Count(batch);
            ImageBatch images = batch.Buffer.ToBatch(batch.Images, device);
            delivered++;
            return images;
        }
        catch (Exception error)
        {
            failure = error;
            throw;
        }
        finally
        {
            queue.Return(batch);
        }
    }

    /// <summary>Stops the workers after their current image, or while they wait for one, and frees the buffers.</summary>
    public void Dispose()
    {
        if (disposed)
        {
            return;
        }

        disposed = true;
        queue.Stop();
        Array.ForEach(workers, worker => worker.Join());
        queue.Dispose();
    }

    private static TrainingOrder OrderOf(
        IImageSource source, int batchSize, SeedStream seeds, HeldOutSplit? split, LoadingOptions options)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        split ??= new HeldOutSplit(source.Count, 0, seeds);
        long count = split.TrainingCount + split.HeldOutCount;
        return count == source.Count
            ? new TrainingOrder(source.GroupSizes ?? [], split, seeds, options, batchSize)
            : throw new ArgumentException(
                $"The split is for {count} images, but the source has {source.Count}. Create the split from the source's Count.",
                nameof(split));
    }

    private void Work()
    {
        try
        {
            while (queue.TryTake(out BatchWork? work))
            {
                Fill(work, queue.Stopping);
            }
        }
        catch (OperationCanceledException)
        {
            // The loader is being disposed.
        }
    }

    private void Fill(BatchWork work, CancellationToken cancellationToken)
    {
        work.Begin(work.Number);
        try
        {
            work.Images = filler.Fill(work.Buffer, plan.PositionOf(work.Number), plan.BatchSize, work.Bad, cancellationToken);
            work.Buffer.Pin(work.Images);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
#pragma warning disable CA1031 // Any error is passed to the thread that requests this batch.
        catch (Exception error)
#pragma warning restore CA1031
        {
            work.Error = error;
        }

        queue.Finish(work);
    }

    private void Count(BatchWork batch)
    {
        foreach (BadImage bad in batch.Bad)
        {
            BadImages++;
            onBadImage?.Invoke(bad);
        }

        if (batch.Error is not null)
        {
            ExceptionDispatchInfo.Throw(batch.Error);
        }

        Images += batch.Images;
        if (BadImages > Math.Max(BadImageAllowance, options.MaxBadFraction * (Images + BadImages)) && batch.Bad is [.., BadImage last])
        {
            throw new ImageDataException(
                samples.Source.Description,
                string.Create(CultureInfo.InvariantCulture,
                    $"{BadImages} of {Images + BadImages} images could not be read, more than MaxBadFraction ({options.MaxBadFraction}). ")
                + $"The last: {last.Name}: {last.Reason} Repair or remove them, or raise MaxBadFraction.");
        }
    }
}

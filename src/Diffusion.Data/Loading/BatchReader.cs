using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Data;

/// <summary>
/// Reads chosen images of a source, and rejects float images outside [-1, 1]. For training, <see cref="BatchLoader"/> shuffles and
/// prefetches. Thread-safe. Does not dispose the source.
/// </summary>
internal sealed class BatchReader
{
    private const int InspectedImages = 256;
    private const long InspectedElements = 1 << 26;

    private readonly IImageSource source;
    private readonly SampleReader samples;

    /// <summary>Creates a reader.</summary>
    /// <param name="source">The images.</param>
    public BatchReader(IImageSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        TorchBackend.EnsureLoaded();
        this.source = source;
        samples = new SampleReader(source);
    }

    /// <summary>
    /// Reads up to 256 images (fewer if they are large), spread evenly over the set, and checks their labels and range, so that mistakes
    /// are found before the first step. Unless <see cref="IImageSource.RefusesUnitRange"/> is false, float images are rejected when no
    /// value is below 0, because they are probably in 0..1 instead of [-1, 1]. Single batches are not checked for that.
    /// </summary>
    /// <param name="maxBadFraction">
    /// The maximum fraction of unreadable images, 0 to 1. Default 0: none. Above 0, ten are always allowed if any image is readable.
    /// </param>
    /// <returns>Statistics of their colors and contrast.</returns>
    /// <exception cref="ImageDataException">An image or a label cannot be used.</exception>
    public ImageStatistics Inspect(double maxBadFraction = 0)
    {
        long fitting = Math.Max(1, InspectedElements / source.Shape.Elements);
        int images = (int)Math.Min(source.Count, Math.Min(fitting, InspectedImages));
        long[] chosen = [.. Enumerable.Range(0, images).Select(i => (long)((Int128)i * source.Count / images))];
        source.Announce(chosen);
        byte[] pixels = new byte[images * samples.ImageBytes];
        List<ImageDataException> problems = [];
        List<long> labels = [];
        for (int i = 0; i < images; i++)
        {
            long index = chosen[i];
            Span<byte> image = pixels.AsSpan((i - problems.Count) * samples.ImageBytes, samples.ImageBytes);
            try
            {
                source.Read(index, image);
            }
            catch (ImageDataException problem)
            {
                problems.Add(problem);
                continue;
            }

            samples.CheckRange(index, image);
            if (samples.HasLabels)
            {
                labels.Add(samples.LabelOf(index));
            }
        }

        bool tooMany = problems.Count == images || problems.Count > Math.Max(BatchLoader.BadImageAllowance, images * maxBadFraction);
        if (problems.Count > 0 && (maxBadFraction == 0 || tooMany))
        {
            throw problems.Count == 1
                ? problems[0]
                : new ImageDataException(
                    source.Description,
                    $"{problems.Count} of {images} inspected images cannot be used. The first: {problems[0].Message} "
                    + "Repair or remove them, "
                    + (maxBadFraction == 0 ? "or let Loading.BadImages replace or skip them." : "or raise Loading.MaxBadFraction."),
                    problems[0]);
        }

        ReadOnlySpan<byte> read = pixels.AsSpan(0, (images - problems.Count) * samples.ImageBytes);
        if (source.Encoding == PixelEncoding.Float32
            && PixelRange.FindMistake(MemoryMarshal.Cast<byte, float>(read), source.RefusesUnitRange) is { } mistake)
        {
            throw new ImageDataException(source.Description, mistake);
        }

        return ImageStatistics.Of(read, source.Shape, source.Encoding, labels);
    }

    /// <summary>Reads a batch.</summary>
    /// <param name="indices">The indices of the images in the source, at least one; repeats are allowed.</param>
    /// <returns>The batch, on the CPU; the caller disposes it.</returns>
    /// <exception cref="ImageDataException">
    /// An image cannot be read, a float image has values outside [-1, 1], or a label is out of range.
    /// </exception>
    public ImageBatch Read(ReadOnlySpan<long> indices)
    {
        if (indices.IsEmpty)
        {
            throw new ArgumentException("A batch needs at least one image.", nameof(indices));
        }

        source.Announce(indices);
        using BatchBuffer buffer = new(samples, indices.Length, isForCuda: false);
        for (int i = 0; i < indices.Length; i++)
        {
            Read(indices[i], buffer, i);
            samples.CheckRange(indices[i], buffer.Image(i));
        }

        return buffer.ToBatch(indices.Length, CPU) with { Positions = default };
    }

    /// <summary>Reads a batch without the images that cannot be read.</summary>
    /// <param name="indices">The indices of the images in the source.</param>
    /// <param name="onBadImage">
    /// Called for each image that cannot be read, with its place in <paramref name="indices"/> as the position; null to throw instead.
    /// </param>
    /// <returns>
    /// The batch, with places in <paramref name="indices"/> as <see cref="ImageBatch.Positions"/>; null when no image can be read.
    /// </returns>
    internal ImageBatch? ReadGood(ReadOnlySpan<long> indices, Action<BadImage>? onBadImage)
    {
        source.Announce(indices);
        using BatchBuffer buffer = new(samples, indices.Length, isForCuda: false);
        int good = 0;
        for (int i = 0; i < indices.Length; i++)
        {
            try
            {
                Read(indices[i], buffer, good);
            }
            catch (ImageDataException problem) when (onBadImage is not null)
            {
                onBadImage(new BadImage(i, indices[i], problem.Path, problem.Reason, Replacement: null));
                continue;
            }

            samples.CheckRange(indices[i], buffer.Image(good));
            buffer.Positions[good++] = i;
        }

        return good == 0 ? null : buffer.ToBatch(good, CPU);
    }

    private void Read(long index, BatchBuffer buffer, int place)
    {
        source.Read(index, buffer.Image(place));
        if (samples.HasLabels)
        {
            buffer.Labels[place] = samples.LabelOf(index);
        }
    }
}

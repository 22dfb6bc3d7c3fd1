using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace Diffusion.Data;

/// <summary>The images of another source, read once and kept in memory, which avoids decoding small sets again in every epoch.</summary>
/// <remarks>
/// A source with random transforms is rejected, because each image is read only once. Add them afterwards:
/// <c>InMemoryImages.Load(source).With(ImageTransform.RandomFlip())</c>. For random crops at full resolution, train on the source itself.
/// </remarks>
public sealed class InMemoryImages : IImageSource
{
    private const int NamedImages = 5;

    private readonly IImageSource source;
    private readonly byte[][] pixels;

    private InMemoryImages(IImageSource source, byte[][] pixels)
    {
        this.source = source;
        this.pixels = pixels;
    }

    /// <inheritdoc/>
    public long Count => source.Count;

    /// <inheritdoc/>
    public ImageShape Shape => source.Shape;

    /// <inheritdoc/>
    public PixelEncoding Encoding => source.Encoding;

    /// <inheritdoc/>
    public ImageSourceReport Report => source.Report;

    /// <inheritdoc/>
    public bool RefusesUnitRange => source.RefusesUnitRange;

    /// <inheritdoc/>
    public int? ClassCount => source.ClassCount;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames => source.ClassNames;

    /// <inheritdoc/>
    public string Description => source.Description;

    /// <summary>Reads all images, on all cores. One error lists the images that cannot be used.</summary>
    /// <param name="source">The images, without random transforms. Disposed with the result, or immediately if this method fails.</param>
    /// <param name="memoryLimit">The maximum size of all images in memory, in bytes. Default 4 GiB.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <returns>The source; the caller disposes it.</returns>
    /// <exception cref="ImageDataException">Images or labels cannot be used, or the images exceed the memory limit.</exception>
    /// <exception cref="ArgumentException">The source has random transforms.</exception>
    /// <exception cref="InvalidOperationException">A transform failed.</exception>
    /// <exception cref="OperationCanceledException">The operation was canceled.</exception>
    public static InMemoryImages Load(IImageSource source, long memoryLimit = 4L << 30, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        try
        {
            if (source.Transforms.Where(transform => transform.IsRandom).Select(transform => transform.Name).ToArray() is [_, ..] random)
            {
                throw new ArgumentException(
                    $"{source.Description}: loading into memory reads each image once, so its random transforms "
                    + $"({string.Join(", ", random)}) would have no effect. "
                    + "Load the source without them and add them afterwards: InMemoryImages.Load(source).With(...).", nameof(source));
            }

            int imageBytes = checked((int)source.Shape.Elements * (source.Encoding == PixelEncoding.UInt8 ? 1 : sizeof(float)));
            if (source.Count > memoryLimit / imageBytes)
            {
                throw new ImageDataException(
                    source.Description, $"{source.Count} images of {imageBytes} bytes exceed the memory limit of {memoryLimit} bytes. "
                    + "Choose a smaller size, raise the limit, or train on the source itself, which reads images on demand.");
            }

            return new InMemoryImages(source, ReadAll(source, imageBytes, cancellationToken));
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<ImageTransform> Transforms => source.Transforms;

    /// <inheritdoc/>
    public long LabelOf(long index) => source.LabelOf(index);

    /// <inheritdoc/>
    public string NameOf(long index) => source.NameOf(index);

    /// <summary>The description, and what was skipped.</summary>
    /// <returns>One line, then one for each reason for skipping something.</returns>
    public override string ToString() => Report.ToString(Description);

    /// <inheritdoc/>
    public void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default)
    {
        SourceGuard.Index(index, Count);
        SourceGuard.Destination(destination, pixels[index].Length);
        pixels[index].CopyTo(destination);
    }

    /// <summary>Disposes the source.</summary>
    public void Dispose() => source.Dispose();

    private static byte[][] ReadAll(IImageSource source, int imageBytes, CancellationToken cancellationToken)
    {
        byte[][] images = new byte[source.Count][];
        ConcurrentDictionary<long, string> problems = new();
        SampleReader samples = new(source);
        try
        {
            Parallel.For(0, source.Count, new ParallelOptions { CancellationToken = cancellationToken }, index =>
            {
                try
                {
                    images[index] = new byte[imageBytes];
                    source.Read(index, images[index], cancellationToken: cancellationToken);
                    samples.CheckRange(index, images[index]);
                    _ = samples.HasLabels ? samples.LabelOf(index) : 0;
                }
                catch (ImageDataException problem)
                {
                    problems[index] = problem.Message;
                }
            });
        }
        catch (AggregateException problem)
        {
            ExceptionDispatchInfo.Throw(problem.InnerExceptions[0]);
        }

        if (problems.IsEmpty)
        {
            return images;
        }

        IEnumerable<string> named = problems.OrderBy(problem => problem.Key).Take(NamedImages).Select(problem => problem.Value);
        string rest = problems.Count > NamedImages ? $"{Environment.NewLine}... and {problems.Count - NamedImages} more." : string.Empty;
        throw new ImageDataException(
            source.Description,
            $"{problems.Count} of {source.Count} images cannot be used:{Environment.NewLine}"
            + $"{string.Join(Environment.NewLine, named)}{rest}");
    }
}

using System.Buffers;

namespace Diffusion.Data;

/// <summary>Image files, decoded and prepared each time they are read. Owns the store of the files.</summary>
internal sealed class EncodedImageSource : IImageSource
{
    private const int MaxReusedBytes = 64 << 20;

    private readonly IEncodedImages files;
    private readonly ImagePreparation preparation;
    private readonly TransformList transforms;
    private readonly Stack<Workspace> workspaces = new();

    /// <summary>Creates a source.</summary>
    /// <param name="files">The store of the files; disposed with this source.</param>
    /// <param name="preparation">The size, channels and transforms of the images.</param>
    /// <exception cref="ArgumentException">A value of the preparation is out of range.</exception>
    public EncodedImageSource(IEncodedImages files, ImagePreparation preparation)
    {
        ArgumentNullException.ThrowIfNull(files);
        ArgumentNullException.ThrowIfNull(preparation);
        preparation.Check();
        this.files = files;
        this.preparation = preparation;
        transforms = new TransformList(preparation.Transforms, [], preparation.Channels);
    }

    /// <inheritdoc/>
    public long Count => files.Count;

    /// <inheritdoc/>
    public ImageShape Shape => ImageShape.Square(preparation.Size, preparation.Channels);

    /// <inheritdoc/>
    public PixelEncoding Encoding => PixelEncoding.UInt8;

    /// <inheritdoc/>
    public ImageSourceReport Report => files.Report;

    /// <inheritdoc/>
    public int? ClassCount => files.ClassCount;

    /// <inheritdoc/>
    public string Description => $"{files.Description}, {Shape}, {preparation.Resize}{transforms}";

    /// <inheritdoc/>
    public bool IsInMemory => false;

    /// <inheritdoc/>
    public IReadOnlyList<ImageTransform> Transforms => transforms.All;

    /// <inheritdoc/>
    public IReadOnlyList<long>? GroupSizes => files.GroupSizes;

    /// <inheritdoc/>
    public long LabelOf(long index)
    {
        try
        {
            return files.LabelOf(index);
        }
        catch (Exception problem) when (IsOfImage(problem))
        {
            throw Named(index, problem);
        }
    }

    /// <inheritdoc/>
    public string NameOf(long index) => files.NameOf(index);

    /// <inheritdoc/>
    public void Announce(ReadOnlySpan<long> indices, CancellationToken cancellationToken = default) =>
        files.Announce(indices, cancellationToken);

    /// <summary>The description, and what was skipped.</summary>
    /// <returns>One line, then one for each reason for skipping something.</returns>
    public override string ToString() => Report.ToString(Description);

    /// <inheritdoc/>
    public void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default)
    {
        SourceGuard.Index(index, Count);
        SourceGuard.Destination(destination, Shape.Elements);
        Workspace workspace = Rent();
        try
        {
            workspace.File.ResetWrittenCount();
            files.Read(index, workspace.File, cancellationToken);
            workspace.Decoder.Decode(workspace.File.WrittenSpan, draws, destination);
        }
        catch (Exception problem) when (IsOfImage(problem))
        {
            throw Named(index, problem);
        }
        catch (ImageTransformException problem)
        {
            throw problem.On(files.NameOf(index));
        }
        finally
        {
            Return(workspace);
        }
    }

    /// <summary>Frees the decoders and the files.</summary>
    public void Dispose()
    {
        lock (workspaces)
        {
            foreach (Workspace workspace in workspaces)
            {
                workspace.Decoder.Dispose();
            }

            workspaces.Clear();
        }

        files.Dispose();
    }

    private static bool IsOfImage(Exception problem) => problem is ImageDataException or IOException or UnauthorizedAccessException;

    private ImageDataException Named(long index, Exception problem) =>
        new(files.NameOf(index), (problem as ImageDataException)?.Reason ?? problem.Message, problem);

    // The buffer of an unusually large file is not kept.
    private void Return(Workspace workspace)
    {
        lock (workspaces)
        {
            workspaces.Push(workspace.File.Capacity > MaxReusedBytes ? workspace with { File = new ArrayBufferWriter<byte>() } : workspace);
        }
    }

    // The number of workspaces is the maximum number of threads that read at the same time.
    private Workspace Rent()
    {
        lock (workspaces)
        {
            if (workspaces.TryPop(out Workspace? workspace))
            {
                return workspace;
            }
        }

        return new Workspace(new ArrayBufferWriter<byte>(), new PreparedDecoder(preparation, transforms));
    }

    private sealed record Workspace(ArrayBufferWriter<byte> File, PreparedDecoder Decoder);
}

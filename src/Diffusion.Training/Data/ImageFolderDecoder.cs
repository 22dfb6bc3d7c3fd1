using System.Collections.Concurrent;

namespace Diffusion.Training;

/// <summary>Decodes files on all cores, and gathers what is wrong with any of them into one error.</summary>
internal sealed class ImageFolderDecoder(string folder, IReadOnlyList<string> paths, ImageDecoding decoding)
{
    private const int NamedFiles = 5;

    /// <summary>Looks at every size, then decodes every image into one array, bytes <c>[N, H, W, C]</c>.</summary>
    public byte[] Decode(int size, ImageResize resize)
    {
        (int Width, int Height)[] sizes = new (int, int)[paths.Count];
        ForEachFile(index => sizes[index] = ImageCodec.ReadSize(paths[index], decoding.PixelLimit));
        if (resize == ImageResize.None)
        {
            ThrowIfAnotherSize(sizes, size);
        }

        int imageBytes = size * size * decoding.Channels;
        byte[] pixels = new byte[paths.Count * imageBytes];
        ForEachFile(index => Fill(ImageCodec.Decode(paths[index], decoding), size, pixels.AsSpan(index * imageBytes, imageBytes)));
        return pixels;
    }

    private static void Fill(DecodedImage image, int size, Span<byte> destination)
    {
        if (image.Width == size && image.Height == size)
        {
            image.Pixels.CopyTo(destination);
            return;
        }

        AreaResize.CropToFill(image, size, destination);
    }

    private void ThrowIfAnotherSize((int Width, int Height)[] sizes, int size)
    {
        int other = Array.FindIndex(sizes, found => found != (size, size));
        if (other < 0)
        {
            return;
        }

        int same = Array.FindIndex(sizes, found => found != sizes[other]);
        string beside = same < 0
            ? "and so has every other image"
            : $"while {Name(same)} has {sizes[same].Width} x {sizes[same].Height}";
        throw new ImageDataException(
            folder, $"{Name(other)} has {sizes[other].Width} x {sizes[other].Height} pixels, {beside}, but with ImageResize.None all must have "
            + $"{size} x {size}. Use ImageResize.CropToFill, or give the size that they have.");
    }

    private void ForEachFile(Action<int> action)
    {
        ConcurrentDictionary<int, string> problems = new();
        Parallel.For(0, paths.Count, index =>
        {
            try
            {
                action(index);
            }
            catch (ImageDataException problem)
            {
                problems[index] = problem.Reason;
            }
            catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
            {
                problems[index] = problem.Message;
            }
        });
        if (problems.IsEmpty)
        {
            return;
        }

        IEnumerable<string> named = problems.OrderBy(problem => problem.Key).Take(NamedFiles).Select(problem => $"{Name(problem.Key)}: {problem.Value}");
        string rest = problems.Count > NamedFiles ? $"{Environment.NewLine}... and {problems.Count - NamedFiles} more." : string.Empty;
        throw new ImageDataException(
            folder, $"{problems.Count} of {paths.Count} images cannot be used:{Environment.NewLine}{string.Join(Environment.NewLine, named)}{rest}");
    }

    private string Name(int index) => Path.GetRelativePath(folder, paths[index]);
}

using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Diffusion.Data;

/// <summary>Statistics of the colors of some images of a set, in [-1, 1].</summary>
internal sealed record ImageStatistics
{
    /// <summary>The number of images examined.</summary>
    public required int Images { get; init; }

    /// <summary>The mean of each channel.</summary>
    public required IReadOnlyList<double> Means { get; init; }

    /// <summary>The standard deviation of all pixels of each channel.</summary>
    public required IReadOnlyList<double> Deviations { get; init; }

    /// <summary>The standard deviation of the mean of each image, per channel.</summary>
    public required IReadOnlyList<double> DeviationsOfMeans { get; init; }

    /// <summary>
    /// The energy of the finest detail: the mean over all inner pixels and channels of the squared difference between a pixel and the mean
    /// of its four neighbors. 0 for images without inner pixels.
    /// </summary>
    public required double Detail { get; init; }

    /// <summary>
    /// How much the images differ from one another: the variance of each number of an image over all images, and of these the mean. 0 for a
    /// single image.
    /// </summary>
    public required double Spread { get; init; }

    /// <summary>The number of images of a single color.</summary>
    public required int FlatImages { get; init; }

    /// <summary>The number of images whose pixels equal those of an earlier image.</summary>
    public required int RepeatedImages { get; init; }

    /// <summary>The number of distinct labels; null without labels.</summary>
    public required int? Labels { get; init; }

    /// <summary>Computes the statistics of images.</summary>
    /// <param name="pixels">Complete images, one after the other.</param>
    /// <param name="shape">The shape of each image.</param>
    /// <param name="encoding">The encoding of the pixels.</param>
    /// <param name="labels">The label of each image; empty without labels.</param>
    internal static ImageStatistics Of(ReadOnlySpan<byte> pixels, ImageShape shape, PixelEncoding encoding,
        IReadOnlyCollection<long> labels)
    {
        int imageBytes = checked((int)(shape.Elements * (encoding == PixelEncoding.UInt8 ? sizeof(byte) : sizeof(float))));
        int images = pixels.Length / imageBytes;
        double area = (double)shape.Height * shape.Width;
        double[] sums = new double[shape.Channels];
        double[] squares = new double[shape.Channels];
        double[] squaresOfMeans = new double[shape.Channels];
        double detail = 0;
        double[] sumsOfPlaces = new double[shape.Elements];
        float[] plane = new float[shape.Height * shape.Width];
        HashSet<string> seen = new(StringComparer.Ordinal);
        int flat = 0;
        for (int image = 0; image < images; image++)
        {
            ReadOnlySpan<byte> one = pixels.Slice(image * imageBytes, imageBytes);
            seen.Add(Convert.ToHexString(SHA256.HashData(one)));
            bool isFlat = true;
            for (int channel = 0; channel < shape.Channels; channel++)
            {
                Extract(one, shape.Channels, encoding, channel, plane);
                (double sum, double square) = Sums(plane);
                sums[channel] += sum;
                squares[channel] += square;
                squaresOfMeans[channel] += sum / area * (sum / area);
                detail += DetailOf(plane, shape.Width);
                Add(plane, sumsOfPlaces.AsSpan(channel * plane.Length, plane.Length));
                isFlat &= (square / area) - (sum / area * (sum / area)) < 1e-7;
            }

            flat += isFlat ? 1 : 0;
        }

        double[] means = [.. sums.Select(sum => sum / (images * area))];
        return new ImageStatistics
        {
            Images = images,
            Means = means,
            Deviations = [.. squares.Zip(means, (square, mean) => Math.Sqrt(Math.Max(0, (square / (images * area)) - (mean * mean))))],
            DeviationsOfMeans = [.. squaresOfMeans.Zip(means, (square, mean) => Math.Sqrt(Math.Max(0, (square / images) - (mean * mean))))],
            Detail = detail / Math.Max(1.0, (double)images * shape.Channels * Math.Max(0, shape.Height - 2) * Math.Max(0, shape.Width - 2)),
            Spread = SpreadOf(sumsOfPlaces, squares.Sum(), images),
            FlatImages = flat,
            RepeatedImages = images - seen.Count,
            Labels = labels.Count == 0 ? null : labels.Distinct().Count(),
        };
    }

    // Copies one channel of an image.
    private static void Extract(ReadOnlySpan<byte> image, int channels, PixelEncoding encoding, int channel, Span<float> plane)
    {
        if (encoding == PixelEncoding.Float32)
        {
            MemoryMarshal.Cast<byte, float>(image).Slice(channel * plane.Length, plane.Length).CopyTo(plane);
            return;
        }

        for (int i = 0; i < plane.Length; i++)
        {
            plane[i] = (image[(i * channels) + channel] / 127.5f) - 1;
        }
    }

    private static (double Sum, double Square) Sums(ReadOnlySpan<float> plane)
    {
        double sum = 0;
        double square = 0;
        foreach (float value in plane)
        {
            sum += value;
            square += (double)value * value;
        }

        return (sum, square);
    }

    private static void Add(ReadOnlySpan<float> plane, Span<double> sums)
    {
        for (int i = 0; i < plane.Length; i++)
        {
            sums[i] += plane[i];
        }
    }

    // From the sum of each number over all images, and the sum of the squares of all numbers.
    private static double SpreadOf(double[] sums, double squares, int images) => images < 2
        ? 0
        : Math.Max(0, squares - sums.Sum(sum => sum * sum / images)) / ((images - 1.0) * sums.Length);

    private static double DetailOf(ReadOnlySpan<float> plane, int width)
    {
        double sum = 0;
        for (int row = width; row + width < plane.Length; row += width)
        {
            for (int i = row + 1; i < row + width - 1; i++)
            {
                float difference = plane[i] - ((plane[i - 1] + plane[i + 1] + plane[i - width] + plane[i + width]) / 4);
                sum += (double)difference * difference;
            }
        }

        return sum;
    }
}

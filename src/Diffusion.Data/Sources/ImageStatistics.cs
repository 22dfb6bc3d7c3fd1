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
        HashSet<string> seen = new(StringComparer.Ordinal);
        int flat = 0;
        for (int image = 0; image < images; image++)
        {
            ReadOnlySpan<byte> one = pixels.Slice(image * imageBytes, imageBytes);
            seen.Add(Convert.ToHexString(SHA256.HashData(one)));
            bool isFlat = true;
            for (int channel = 0; channel < shape.Channels; channel++)
            {
                (double sum, double square) = Sums(one, shape, encoding, channel);
                sums[channel] += sum;
                squares[channel] += square;
                squaresOfMeans[channel] += sum / area * (sum / area);
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
            FlatImages = flat,
            RepeatedImages = images - seen.Count,
            Labels = labels.Count == 0 ? null : labels.Distinct().Count(),
        };
    }

    private static (double Sum, double Square) Sums(ReadOnlySpan<byte> image, ImageShape shape, PixelEncoding encoding, int channel)
    {
        double sum = 0;
        double square = 0;
        if (encoding == PixelEncoding.UInt8)
        {
            for (int i = channel; i < image.Length; i += shape.Channels)
            {
                double value = (image[i] / 127.5) - 1;
                sum += value;
                square += value * value;
            }

            return (sum, square);
        }

        int area = shape.Height * shape.Width;
        foreach (float value in MemoryMarshal.Cast<byte, float>(image).Slice(channel * area, area))
        {
            sum += value;
            square += (double)value * value;
        }

        return (sum, square);
    }
}

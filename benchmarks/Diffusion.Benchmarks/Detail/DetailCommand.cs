using System.CommandLine;
using System.Globalization;
using Diffusion.Data;

namespace Diffusion.Benchmarks;

/// <summary><c>detail</c>: the fine detail and the spread of samples against those of real images, read from pictures of grids.</summary>
internal static class DetailCommand
{
    private const int Padding = 2; // of ImageGrid

    public static Command Create()
    {
        Option<string> real = new("--real") { Description = "A grid of real images, one pixel for each of theirs.", Required = true };
        Option<string[]> samples = new("--samples")
        {
            Description = "Grids of samples.", Required = true, AllowMultipleArgumentsPerToken = true,
        };
        Option<int> size = new("--size") { Description = "Height and width of an image.", Required = true };
        Option<int> scale = new("--scale")
        {
            Description = "Pixels of the grids of samples for one of an image.", DefaultValueFactory = _ => 1,
        };
        Command command = new("detail", "Compares the fine detail and the spread of samples with those of real images.")
        {
            real, samples, size, scale,
        };
        command.SetAction(arguments => Run(
            arguments.GetValue(real)!, arguments.GetValue(samples)!, arguments.GetValue(size), arguments.GetValue(scale)));
        return command;
    }

    private static void Run(string real, string[] samples, int size, int scale)
    {
        ImageStatistics expected = StatisticsOf(real, size, scale: 1);
        Console.WriteLine("detail spread");
        foreach (string path in samples)
        {
            ImageStatistics found = StatisticsOf(path, size, scale);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{found.Detail / expected.Detail:F2} {found.Spread / expected.Spread:F2} {path}"));
        }
    }

    private static ImageStatistics StatisticsOf(string path, int size, int scale)
    {
        DecodedImage grid = ImageCodec.Decode(path);
        int cell = (size * scale) + Padding;
        int columns = (grid.Width - Padding) / cell;
        int rows = (grid.Height - Padding) / cell;
        List<byte> pixels = [];
        for (int image = 0; image < columns * rows; image++)
        {
            int top = Padding + (image / columns * cell);
            int left = Padding + (image % columns * cell);
            for (int i = 0; i < size * size; i++)
            {
                int at = (((top + (i / size * scale)) * grid.Width) + left + (i % size * scale)) * grid.Channels;
                pixels.AddRange(grid.Pixels.AsSpan(at, grid.Channels));
            }
        }

        return ImageStatistics.Of(pixels.ToArray(), ImageShape.Square(size, grid.Channels), PixelEncoding.UInt8, []);
    }
}

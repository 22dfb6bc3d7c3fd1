using SkiaSharp;

namespace Diffusion.Core.Tests.Images;

public sealed class PixelComposerTests
{
    public static TheoryData<SKEncodedOrigin, int, int> EveryTurn =>
        [.. from origin in Enum.GetValues<SKEncodedOrigin>() from stored in (int[])[1, 3, 4] from channels in (int[])[1, 3] select (origin,
            stored, channels)];

    [Theory]
    [MemberData(nameof(EveryTurn))]
    public void Every_pixel_is_composed_for_itself_and_put_where_it_belongs(SKEncodedOrigin origin, int storedChannels, int channels)
    {
        // Opaque runs of every length, and transparent pixels between them.
        const int Width = 39;
        const int Height = 23;
        SeedStream seeds = new(6);
        byte[] stored = [.. Enumerable.Range(0, Width * Height * storedChannels).Select(i => (byte)seeds.Derive(RandomPurpose.Drawing, i))];
        for (int pixel = 0; storedChannels == 4 && pixel < Width * Height; pixel++)
        {
            stored[(4 * pixel) + 3] = pixel % Width < pixel / Width * 2 ? (byte)255 : stored[(4 * pixel) + 3];
        }

        byte[] pixels = new byte[Width * Height * channels];
        ImageDecoding decoding = new() { Channels = channels, Background = new RgbColor(9, 99, 199) };
        PixelComposer.Compose(stored, storedChannels, Width, Height, origin, decoding, pixels);

        Orientation orientation = new(origin, Width, Height);
        for (int i = 0; i < Width * Height; i++)
        {
            byte[] pixel = stored[(i * storedChannels)..((i + 1) * storedChannels)];
            double alpha = storedChannels == 4 ? pixel[3] / 255.0 : 1;
            byte[] seen = storedChannels == 1 ? [pixel[0], pixel[0], pixel[0]] : pixel[..3];
            int[] color = [.. seen.Zip((byte[])[9, 99, 199], (front, back) => (int)Math.Round((front * alpha) + (back * (1 - alpha))))];
            int target = orientation.TargetOf(i % Width, i / Width) * channels;
            pixels[target..(target + channels)].Should().Equal(
                channels == 3
                    ? [.. color.Select(c => (byte)c)]
                    : [(byte)(((299 * color[0]) + (587 * color[1]) + (114 * color[2]) + 500) / 1000)]);
        }
    }
}

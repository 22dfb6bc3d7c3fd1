using Diffusion.TestKit;
using SkiaSharp;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Images;

public sealed class ImageFilmTests
{
    [Theory]
    [InlineData(1, 5, 3)]
    [InlineData(3, 4, 4)]
    [InlineData(3, 7, 1)]
    public void Another_decoder_sees_every_frame_without_loss_and_for_its_time(int channels, int size, int count)
    {
        using TemporaryFolder folder = new();
        using DisposeScope scope = NewDisposeScope();
        manual_seed(1);
        Tensor[] frames = [.. Enumerable.Range(0, count).Select(_ => (rand(3, channels, size, size) * 2) - 1)];
        string path = folder.File("new", "film.webp");

        ImageFilm.Save(frames, path, columns: 2, scale: 2, frameTime: TimeSpan.FromMilliseconds(40),
            lastFrameTime: TimeSpan.FromMilliseconds(900));

        using SKCodec codec = SKCodec.Create(path);
        codec.EncodedFormat.Should().Be(SKEncodedImageFormat.Webp);
        DecodedImage[] expected = [.. frames.Select(frame => ImageGrid.Arrange(frame, columns: 2, scale: 2))];
        (codec.Info.Width, codec.Info.Height).Should().Be((expected[0].Width, expected[0].Height));
        if (count > 1)
        {
            codec.RepetitionCount.Should().Be(-1, "it repeats forever");
            codec.FrameInfo.Select(frame => frame.Duration).Should().Equal([.. Enumerable.Repeat(40, count - 1), 900]);
        }

        for (int i = 0; i < count; i++)
        {
            using SKBitmap bitmap = new(new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Opaque));
            codec.GetPixels(bitmap.Info, bitmap.GetPixels(), new SKCodecOptions(i)).Should().Be(SKCodecResult.Success);
            byte[] pixels = bitmap.Bytes;
            byte[] rgb = [.. Enumerable.Range(0, pixels.Length).Where(at => at % 4 < channels).Select(at => pixels[at])];
            rgb.Should().Equal(expected[i].Pixels);
        }
    }

    [Fact]
    public void What_cannot_be_a_film_is_refused()
    {
        using Tensor frame = zeros(1, 3, 4, 4);
        using Tensor other = zeros(2, 3, 4, 4);
        using Tensor huge = zeros(1, 1, 1, 2);
        ((Action)(() => ImageFilm.Save([], "film.webp"))).Should().Throw<ArgumentException>().WithMessage("*at least one frame*");
        ((Action)(() => ImageFilm.Save([frame, other], "film.webp"))).Should().Throw<ArgumentException>()
            .WithMessage("A frame has the shape [2, 3, 4, 4], but the first has [1, 3, 4, 4].*");
        ((Action)(() => ImageFilm.Save([frame], "film.webp", frameTime: TimeSpan.Zero))).Should().Throw<ArgumentOutOfRangeException>();
        ((Action)(() => ImageFilm.Save([huge], "film.webp", scale: 9000))).Should().Throw<ArgumentException>()
            .WithMessage("A frame has 18004 x 9004 pixels, but WebP allows at most 16384*");
        File.Exists("film.webp").Should().BeFalse();
    }
}

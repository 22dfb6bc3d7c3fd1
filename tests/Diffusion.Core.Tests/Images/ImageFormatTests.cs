using Diffusion.TestKit;
using TorchSharp;

namespace Diffusion.Core.Tests.Images;

/// <summary>Images as bytes, in streams and in files, in each format.</summary>
public sealed class ImageFormatTests
{
    private static readonly ImageDecoding Any = new();

    public static TheoryData<string, int> Formats => new() { { "PNG", 0 }, { "JPEG", 6 }, { "WebP", 12 }, { "lossless WebP", 0 } };

    [Theory]
    [MemberData(nameof(Formats))]
    public void Bytes_a_stream_and_a_file_hold_the_same_image(string name, int error)
    {
        using TemporaryFolder folder = new();
        ImageFormat format = FormatOf(name);
        DecodedImage image = Ramp();
        using MemoryStream stream = new();

        byte[] bytes = ImageCodec.Encode(image, format);
        ImageCodec.Write(image, stream, format);
        ImageCodec.Save(image, folder.File("image.of-any-name"), format);

        stream.ToArray().Should().Equal(bytes);
        File.ReadAllBytes(folder.File("image.of-any-name")).Should().Equal(bytes);
        DecodedImage back = Decode(bytes);
        (back.Width, back.Height).Should().Be((48, 32));
        back.Pixels.Zip(image.Pixels, (a, b) => Math.Abs(a - b)).Max().Should().BeLessThanOrEqualTo(error);
    }

    [Theory]
    [InlineData("a.png", "PNG", "image/png")]
    [InlineData("b.JPG", "JPEG", "image/jpeg")]
    [InlineData("c.jpeg", "JPEG", "image/jpeg")]
    [InlineData("d.webp", "WebP", "image/webp")]
    public void The_extension_of_a_file_chooses_its_format(string file, string name, string mediaType)
    {
        using TemporaryFolder folder = new();
        ImageCodec.Save(Ramp(), folder.File(file));

        ImageFormat.OfPath(file).Name.Should().Be(name);
        ImageFormat.OfPath(file).MediaType.Should().Be(mediaType);
        File.ReadAllBytes(folder.File(file)).Should().Equal(ImageCodec.Encode(Ramp(), ImageFormat.OfPath(file)));
    }

    [Fact]
    public void An_unknown_extension_is_refused_with_a_remedy() => FluentActions.Invoking(() => ImageCodec.Save(Ramp(), "picture.gif"))
        .Should().Throw<ArgumentException>().WithMessage("*picture.gif*must have .png*Rename it, or pass a format*");

    [Theory]
    [InlineData("JPEG")]
    [InlineData("WebP")]
    public void A_lower_quality_gives_a_smaller_file(string name)
    {
        byte[] pixels = new byte[64 * 64 * 3];
        new Random(1).NextBytes(pixels);
        DecodedImage noise = new(64, 64, 3, pixels);

        int[] sizes = [.. new[] { 10, 50, 95 }.Select(quality =>
            ImageCodec.Encode(noise, name == "JPEG" ? ImageFormat.Jpeg(quality) : ImageFormat.WebP(quality)).Length)];

        sizes.Should().BeInAscendingOrder().And.OnlyHaveUniqueItems();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(101)]
    public void A_quality_outside_1_to_100_is_refused(int quality)
    {
        FluentActions.Invoking(() => ImageFormat.Jpeg(quality)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*1..100*");
        FluentActions.Invoking(() => ImageFormat.WebP(quality)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*1..100*");
    }

    [Fact]
    public void An_image_that_is_too_large_for_WebP_is_refused_and_PNG_takes_it()
    {
        DecodedImage wide = new(16_384, 1, 1, new byte[16_384]);

        FluentActions.Invoking(() => ImageCodec.Encode(wide, ImageFormat.WebP())).Should().Throw<ArgumentException>()
            .WithMessage("*16384 x 1*at most 16383*Use PNG*");
        ImageCodec.Encode(wide, ImageFormat.Png).Should().NotBeEmpty();
    }

    [Fact]
    public void A_failed_encoding_writes_nothing_to_the_stream()
    {
        using MemoryStream stream = new();
        DecodedImage wide = new(16_384, 1, 1, new byte[16_384]);

        FluentActions.Invoking(() => ImageCodec.Write(wide, stream, ImageFormat.WebP())).Should().Throw<ArgumentException>();

        stream.Length.Should().Be(0);
    }

    [Fact]
    public void A_single_sample_and_a_grid_become_the_same_bytes_as_their_pixels()
    {
        using torch.Tensor images = torch.rand(3, 3, 4, 6).mul_(2).sub_(1);
        using torch.Tensor second = images[1];
        using torch.Tensor alone = images.narrow(0, 1, 1);
        DecodedImage grid = ImageGrid.Arrange(images, columns: 3, padding: 0);

        DecodedImage image = DecodedImage.FromTensor(second);

        (image.Width, image.Height, image.Channels).Should().Be((6, 4, 3));
        DecodedImage.FromTensor(alone).Pixels.Should().Equal(image.Pixels);
        byte[] cell = [.. Enumerable.Range(0, 4).SelectMany(y => grid.Pixels.Skip(((y * 18) + 6) * 3).Take(18))];
        image.Pixels.Should().Equal(cell);
        Decode(ImageGrid.Encode(images, columns: 3, padding: 0)).Pixels.Should().Equal(grid.Pixels);
        ImageGrid.Encode(images, ImageFormat.Jpeg(80)).Should().Equal(ImageCodec.Encode(ImageGrid.Arrange(images), ImageFormat.Jpeg(80)));
    }

    [Fact]
    public void A_batch_is_not_a_single_image()
    {
        using torch.Tensor two = torch.zeros(2, 3, 4, 4);

        FluentActions.Invoking(() => DecodedImage.FromTensor(two)).Should().Throw<ArgumentException>()
            .WithMessage("*[2, 3, 4, 4]*images[0]*ImageGrid*");
    }

    private static ImageFormat FormatOf(string name) => name switch
    {
        "PNG" => ImageFormat.Png,
        "JPEG" => ImageFormat.Jpeg(100),
        "WebP" => ImageFormat.WebP(100),
        _ => ImageFormat.LosslessWebP,
    };

    private static DecodedImage Decode(byte[] bytes) => ImageCodec.Decode(new MemoryStream(bytes), "image", Any);

    private static DecodedImage Ramp()
    {
        byte[] pixels = new byte[48 * 32 * 3];
        for (int i = 0; i < pixels.Length; i++)
        {
            int pixel = i / 3;
            pixels[i] = (byte)((pixel % 48 * 2) + (pixel / 48 * 2) + (i % 3 * 10));
        }

        return new DecodedImage(48, 32, 3, pixels);
    }
}

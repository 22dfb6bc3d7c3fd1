using Diffusion.TestKit;
using SkiaSharp;

namespace Diffusion.Data.Tests;

public sealed class ImageFolderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Images_of_a_flat_folder_are_sorted_by_name_without_labels()
    {
        Save(30, "b.PNG");
        Save(20, "a2.png");
        Save(10, "a10.png");
        Save(40, "sub", "a.png");
        Save(0, ".hidden.png");
        Save(0, ".git", "a.png");
        File.WriteAllText(folder.File("notes.txt"), "no image");
        using ImageFolder images = ImageFolder.Open(folder.Path, 4);

        (images.Count, images.Shape, images.Encoding, images.ClassCount).Should()
            .Be((4, new ImageShape(3, 4, 4), PixelEncoding.UInt8, null));
        images.Files.Select(file => Path.GetRelativePath(folder.Path, file)).Should()
            .Equal("a10.png", "a2.png", "b.PNG", Path.Combine("sub", "a.png"));
        Enumerable.Range(0, 4).Select(i => Read(images, i)[0]).Should().Equal(10, 20, 30, 40);
        images.ClassNames.Should().BeEmpty();
        ((Action)(() => images.LabelOf(0))).Should().Throw<InvalidOperationException>();
    }

    [Fact]
    public void Subfolders_are_classes_when_they_contain_all_images()
    {
        Save(1, "dog", "x.png");
        Save(2, "Cat", "deep", "er", "y.png");
        Save(3, "cat2", "z.png");
        Save(4, "Cat", "a.png");
        using ImageFolder images = ImageFolder.Open(folder.Path, 4, channels: 1);

        images.ClassNames.Should().Equal("Cat", "cat2", "dog");
        images.ClassCount.Should().Be(3);
        Enumerable.Range(0, 4).Select(i => (Read(images, i)[0], images.LabelOf(i))).Should()
            .Equal(((byte)4, 0L), ((byte)2, 0L), ((byte)3, 1L), ((byte)1, 2L));
    }

    [Fact]
    public void A_single_subfolder_is_not_a_class()
    {
        Save(1, "all", "x.png");
        Save(1, "all", "y.png");
        using ImageFolder images = ImageFolder.Open(folder.Path, 4);
        images.ClassCount.Should().BeNull();
    }

    [Fact]
    public void Mixed_sizes_are_cropped_and_scaled_or_rejected_by_name()
    {
        Save(50, "a.png");
        ImageCodec.Save(new DecodedImage(12, 8, 3, [.. Enumerable.Repeat((byte)200, 12 * 8 * 3)]), folder.File("b.png"));
        using (ImageFolder images = ImageFolder.Open(folder.Path, 6))
        {
            Read(images, 0).Should().OnlyContain(value => value == 50);
            Read(images, 1).Should().OnlyContain(value => value == 200);
        }

        using ImageFolder strict = ImageFolder.Open(folder.Path, new ImagePreparation { Size = 4, Resize = ImageResize.None });
        Read(strict, 0).Should().OnlyContain(value => value == 50);
        ((Action)(() => Read(strict, 1))).Should().Throw<ImageDataException>().Which.Message
            .Should().Contain("b.png: it has 12 x 8 pixels").And.Contain("must have 4 x 4").And.Contain("CropToFill");
    }

    [Fact]
    public void Transparency_shows_the_background()
    {
        using SKBitmap clear = new(new SKImageInfo(1, 1, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        clear.SetPixel(0, 0, SKColors.Transparent);
        using SKData png = clear.Encode(SKEncodedImageFormat.Png, 100);
        File.WriteAllBytes(folder.File("clear.png"), png.ToArray());
        using ImageFolder images = ImageFolder.Open(folder.Path, new ImagePreparation { Size = 1, Background = new RgbColor(1, 2, 3) });
        Read(images, 0).Should().Equal(1, 2, 3);
    }

    [Fact]
    public void One_error_counts_all_bad_files_and_names_the_first()
    {
        Save(1, "good.png");
        byte[] good = File.ReadAllBytes(folder.File("good.png"));
        File.WriteAllBytes(folder.File("a-empty.jpg"), []);
        File.WriteAllText(folder.File("b-text.png"), "not a picture at all, but long enough to be looked at");
        for (int i = 0; i < 5; i++)
        {
            File.WriteAllBytes(folder.File($"c{i}.png"), []);
        }

        string message = Failure(() => InMemoryImages.Load(ImageFolder.Open(folder.Path, 4),
            cancellationToken: TestContext.Current.CancellationToken)).Message;
        message.Should().Contain($"8 images from {folder.Path}").And.Contain("7 of 8 images cannot be used").And.Contain(
            "a-empty.jpg: the file is empty").And.Contain("b-text.png: it is not an image")
            .And.Contain("... and 2 more.").And.NotContain("c4.png").And.NotContain("good.png:");

        Array.ForEach(Directory.GetFiles(folder.Path), File.Delete);
        Save(1, "good.png");
        File.WriteAllBytes(folder.File("short.png"), good[..^26]);
        Failure(() =>
            InMemoryImages.Load(ImageFolder.Open(folder.Path, 4),
                cancellationToken: TestContext.Current.CancellationToken)).Message.Should()
                    .Contain("1 of 2 images").And.Contain("short.png: the image is truncated");
    }

    [Fact]
    public void A_folder_without_images_is_an_error_with_the_supported_extensions()
    {
        File.WriteAllText(folder.File("notes.txt"), "no image");
        Failure(() => ImageFolder.Open(folder.Path, 4)).Message.Should()
            .StartWith(folder.Path).And.Contain("contain no images").And.Contain(".jpeg").And.Contain(".bmp");
        Failure(() => ImageFolder.Open(Path.Combine(folder.Path, "missing"), 4)).Message.Should().Contain("does not exist");
        Failure(() => ImageFolder.Open(folder.File("notes.txt"), 4)).Message.Should().Contain("must be a folder");
    }

    [Fact]
    public void Limits_are_enforced()
    {
        Save(1, "a.png");
        Save(2, "b.png");
        Failure(() => InMemoryImages.Load(ImageFolder.Open(folder.Path, 4), 95, TestContext.Current.CancellationToken)).Message
            .Should().Contain("2 images of 48 bytes exceed the memory limit of 95").And.Contain("smaller size");
        InMemoryImages.Load(ImageFolder.Open(folder.Path, 4), 96, TestContext.Current.CancellationToken).Dispose();
        Failure(() =>
            InMemoryImages.Load(ImageFolder.Open(folder.Path, new ImagePreparation { Size = 4, PixelLimit = 15 }),
                cancellationToken: TestContext.Current.CancellationToken)).Message
            .Should().Contain("2 of 2").And.Contain("limit of 15");
        ((Action)(() => ImageFolder.Open(folder.Path, 0))).Should().Throw<ArgumentOutOfRangeException>();
        ((Action)(() => ImageFolder.Open(folder.Path, 4, channels: 2))).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void Photographs_of_mixed_sizes_are_read()
    {
        string digits = TestData.Folder("sign-digits", "images");
        using ImageFolder images = ImageFolder.Open(digits, 32);
        (images.Count, images.ClassCount).Should().Be((2062, 10));
        images.ClassNames.Should().Equal("0", "1", "2", "3", "4", "5", "6", "7", "8", "9");
        Read(images, 2061).Distinct().Count().Should().BeGreaterThan(20);
    }

    [Fact]
    public void Tiles_of_every_kind_of_png_are_read()
    {
        using ImageFolder images = ImageFolder.Open(TestData.Folder("dcss-tiles", "images"), 32);
        images.Count.Should().Be(4357);
        images.ClassNames.Should().Contain(["dngn", "item", "mon"]);
    }

    private static ImageDataException Failure(Func<IImageSource> open) => open.Should().Throw<ImageDataException>().Which;

    private static byte[] Read(IImageSource images, long index)
    {
        byte[] pixels = new byte[images.Shape.Elements];
        images.Read(index, pixels);
        return pixels;
    }

    private void Save(byte value, params string[] parts) =>
        ImageCodec.Save(new DecodedImage(4, 4, 3, [.. Enumerable.Repeat(value, 4 * 4 * 3)]), folder.File(parts), ImageFormat.Png);
}

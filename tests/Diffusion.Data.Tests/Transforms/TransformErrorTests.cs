using Diffusion.TestKit;
using Samples;

namespace Diffusion.Data.Tests.Transforms;

public sealed class TransformErrorTests
{
    private static readonly SeedStream Seeds = new(5);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<Exception> Mistakes =>
        [new InvalidOperationException("a mistake"), new IOException("a mistake"), new OperationCanceledException("a mistake")];

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void Any_exception_of_a_transform_ends_the_run_and_names_transform_and_image(Exception mistake)
    {
        IImageSource source = DrawnShapes.Create(10, 8).With(ImageTransform.RandomEdit("scratches", (_, _) => throw mistake));
        foreach (int workers in (int[])[0, 2])
        {
            using BatchLoader loader = new(source, new SampleOrder(Seeds, 10), new BatchPlan { StepSize = 2, BatchSize = 2 }, Seeds,
                new LoadingOptions { Workers = workers });
            ((Action)(() => loader.Next(Token))).Should().Throw<ImageTransformException>()
                .WithMessage(
                    "The transform 'scratches' failed on image * of 10 drawn shapes*: *Exception: a mistake").Which.InnerException.Should()
                        .BeSameAs(mistake);
            loader.BadImages.Should().Be(0);
        }
    }

    [Fact]
    public void An_image_that_a_transform_rejects_is_a_bad_image()
    {
        List<BadImage> bad = [];
        IImageSource source = DrawnShapes.Create(100, 8).With(ImageTransform.Edit("only bright ones", image =>
        {
            if (image.Bytes[0] < 240)
            {
                throw new ImageDataException("it", "it is too dark.");
            }
        }));
        using BatchLoader loader = new(
            source, new SampleOrder(Seeds, 100), new BatchPlan { StepSize = 50, BatchSize = 50 }, Seeds,
                new LoadingOptions { Workers = 0, MaxBadFraction = 1 }, onBadImage: bad.Add);
        loader.Next(Token).Dispose();
        bad.Should().NotBeEmpty().And.OnlyContain(image => image.Reason == "only bright ones: it is too dark."
            && image.Name.Contains("of 100 drawn shapes"));
    }

    [Fact]
    public void Errors_of_crops_and_of_images_in_memory_name_the_transform()
    {
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder.File("a.png"), TestImages.Png(20, 10));
        using ImageFolder images = ImageFolder.Open(
            folder.Path,
                new ImagePreparation { Size = 8,
                    Transforms = [ImageTransform.Crop("left half", (width, height) => new ImageWindow(0, 0, width + 1, height))] });
        FluentActions.Invoking(() => images.Read(0, new byte[8 * 8 * 3], cancellationToken: Token)).Should()
            .Throw<ImageTransformException>()
            .WithMessage(
                "The transform 'left half' failed on *a.png: InvalidOperationException: The crop returned*Width = 21*"
                + "the image has 20 x 10 pixels*");

        // Not wrapped in an AggregateException, which Should().Throw would unwrap.
        Assert.Throws<ImageTransformException>(() => InMemoryImages.Load(
                DrawnShapes.Create(10, 8).With(ImageTransform.Edit("broken", _ => throw new NotSupportedException("no"))),
                    cancellationToken: Token))
            .Message.Should().Match("*'broken' failed on image * of 10 drawn shapes*NotSupportedException: no");
    }

    [Fact]
    public void An_image_smaller_than_its_crop_is_a_bad_image_with_a_remedy()
    {
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder.File("a.png"), TestImages.Png(20, 10));
        using ImageFolder images = ImageFolder.Open(folder.Path,
            new ImagePreparation { Size = 8, Transforms = [ImageTransform.RandomCrop(16)] });
        FluentActions.Invoking(() => images.Read(0, new byte[8 * 8 * 3], new SeedStream(1), Token)).Should().Throw<ImageDataException>()
            .WithMessage("*a.png: RandomCrop: it has 20 x 10 pixels, fewer than a crop of 16 x 16. Use ImageTransform.Resize before*");
    }

    [Fact]
    public void An_impossible_list_of_transforms_is_rejected()
    {
        DrawnShapes shapes = DrawnShapes.Create(10, 8);
        FluentActions.Invoking(() => shapes.With()).Should().Throw<ArgumentException>().WithMessage("*no transform*");
        FluentActions.Invoking(() => shapes.With(ImageTransform.RandomFlip(), ImageTransform.RandomSquare(0.5))).Should()
            .Throw<ArgumentException>()
            .WithMessage("*RandomSquare comes after RandomFlip, but crops and resizes must come first*");
        FluentActions.Invoking(() => shapes.With(ImageTransform.RandomFlip(), null!)).Should().Throw<ArgumentException>()
            .WithMessage("*null*");
        FluentActions.Invoking(() => new EncodedImageSource(new NoFiles(),
            new ImagePreparation { Size = 8, Channels = 1, Transforms = [ImageTransform.ColorJitter(hue: 0.1)] }))
            .Should().Throw<ArgumentException>().WithMessage("*grayscale images have neither*");
        FluentActions.Invoking(() => ImageTransform.Edit(" ", _ => { })).Should().Throw<ArgumentException>();
    }

    [Fact]
    public void A_canvas_reads_and_writes_bytes_and_floats_alike_and_rejects_invalid_pixels()
    {
        byte[] bytes = new byte[2 * 3 * 3];
        ImageShape shape = new(3, 2, 3);
        ImageCanvas canvas = new(bytes, shape, PixelEncoding.UInt8);
        canvas[2, 1, 0] = 0.5f;
        canvas[0, 1, 2] = 9;
        bytes[15].Should().Be(191);
        bytes[11].Should().Be(255);
        canvas[0, 1, 2].Should().Be(1);
        canvas[1, 0, 1].Should().Be(-1);

        ImageCanvas floats = new(new byte[4 * 18], shape, PixelEncoding.Float32);
        floats[2, 1, 1] = -0.25f;
        floats.Floats[6 + 3 + 2].Should().Be(-0.25f);
        FluentActions.Invoking(() => new ImageCanvas(new byte[18], shape, PixelEncoding.UInt8)[0, 0, 0] = float.NaN).Should()
            .Throw<ArgumentException>().WithMessage("NaN was set at column 0*");
        FluentActions.Invoking(() => new ImageCanvas(new byte[18], shape, PixelEncoding.UInt8)[3, 0, 0]).Should()
            .Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => new ImageCanvas(new byte[18], shape, PixelEncoding.UInt8).Floats.Length).Should()
            .Throw<InvalidOperationException>().WithMessage("*the pixels are Bytes*");
        FluentActions.Invoking(() => new ImageCanvas(new byte[17], shape, PixelEncoding.UInt8).Width).Should().Throw<ArgumentException>();
    }

    private sealed class NoFiles : IEncodedImages
    {
        public long Count => 1;

        public int? ClassCount => null;

        public string Description => "no files";

        public long LabelOf(long index) => throw new InvalidOperationException("There are no labels.");

        public string NameOf(long index) => "none";

        public void Read(long index, System.Buffers.IBufferWriter<byte> destination, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}

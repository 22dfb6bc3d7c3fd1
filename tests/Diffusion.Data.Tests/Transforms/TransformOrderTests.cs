using System.Buffers;
using Diffusion.TestKit;
using Samples;
using SkiaSharp;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Data.Tests.Transforms;

/// <summary>The result of a transform is a pure function of seed and position, independent of the reader.</summary>
public sealed class TransformOrderTests : IDisposable
{
    private const int Images = 30;
    private const int Step = 8;
    private static readonly SeedStream Seeds = new(11);

    private readonly TemporaryFolder folder = new();

    public static TheoryData<string> Sources => ["files", "bytes", "floats"];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static ImageTransform[] Crops =>
        [ImageTransform.Resize(20), ImageTransform.RandomResizedCrop(0.3), ImageTransform.RandomSquare(0.7)];

    private static ImageTransform[] Edits =>
    [
        ImageTransform.RandomFlip(), ImageTransform.ColorJitter(0.3, 0.3, 0.3, 0.2), ImageTransform.RandomGrayscale(0.3),
        ImageTransform.RandomEdit("speckle", (image, draws) =>
        {
            for (int i = 0; i < 5; i++)
            {
                int x = (int)(draws.Uniform(RandomPurpose.Augmentation, 2 * i) * image.Width);
                image[x, i, 0] = (float)((2 * draws.Uniform(RandomPurpose.Augmentation, (2 * i) + 1)) - 1);
            }
        }),
    ];

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Sources))]
    public void Workers_resuming_and_processes_do_not_change_pixels(string kind)
    {
        using IImageSource source = Open(kind);
        string[] whole = Read(source, workers: 0, start: 0, rank: 0, world: 1, steps: 12);
        whole.Distinct().Should().HaveCountGreaterThan(90, "each epoch draws anew");
        foreach (int workers in (int[])[1, 4])
        {
            Read(source, workers, start: 0, rank: 0, world: 1, steps: 12).Should().Equal(whole, "there were {0} workers", workers);
        }

        foreach (int stop in (int[])[8, 24, 40])
        {
            Read(source, workers: 2, start: stop, rank: 0, world: 1, steps: 4).Should().Equal(whole.Skip(stop).Take(32));
        }

        foreach (int world in (int[])[2, 4])
        {
            string[][] ranks = [.. Enumerable.Range(0, world).Select(rank => Read(source, workers: 1, start: 0, rank, world, steps: 12))];
            for (int step = 0; step < 12; step++)
            {
                ranks.SelectMany(rank => rank.Skip(step * Step / world).Take(Step / world)).Should()
                    .Equal(whole.Skip(step * Step).Take(Step), "the world was {0}", world);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Sources))]
    public void A_measurement_is_not_random(string kind)
    {
        using IImageSource source = Open(kind);
        BatchReader reader = new(source);
        using ImageBatch first = reader.Read([0, 7, 29]);
        using ImageBatch again = reader.Read([0, 7, 29]);
        first.Pixels.bytes.SequenceEqual(again.Pixels.bytes).Should().BeTrue();
        using IImageSource plain = Open(kind, [ImageTransform.Resize(20)], []);
        using ImageBatch untouched = new BatchReader(plain).Read([0, 7, 29]);
        first.Pixels.bytes.SequenceEqual(untouched.Pixels.bytes).Should().BeTrue("what is deterministic stays");
    }

    [Fact]
    public void Other_transforms_in_the_list_do_not_change_random_numbers()
    {
        List<double> drawn = [];
        ImageTransform Noted() => ImageTransform.RandomEdit("noted", (_, draws) => drawn.Add(draws.Uniform(RandomPurpose.Augmentation, 0)));
        foreach (ImageTransform[] list in (ImageTransform[][])[[Noted()], [ImageTransform.RandomFlip(), Noted()],
            [ImageTransform.RandomSquare(0.5), ImageTransform.RandomGrayscale(), Noted(), ImageTransform.RandomFlip()]])
        {
            ReadOne(DrawnShapes.Create(10, 8).With(list));
        }

        drawn.Should().HaveCount(3);
        drawn.Distinct().Should().ContainSingle();
    }

    [Fact]
    public void Transforms_with_the_same_name_draw_different_numbers_even_in_layers()
    {
        List<double> drawn = [];
        ImageTransform Noted() => ImageTransform.RandomEdit("noted", (_, draws) => drawn.Add(draws.Uniform(RandomPurpose.Augmentation, 0)));
        ReadOne(DrawnShapes.Create(10, 8).With(Noted(), Noted()).With(ImageTransform.RandomFlip()).With(Noted()));
        drawn.Should().HaveCount(3).And.OnlyHaveUniqueItems();

        ImageTransform[] one = [Noted()];
        drawn.Clear();
        using EncodedImageSource files = new(new OneFile(), new ImagePreparation { Size = 8, Transforms = one });
        ReadOne(files.With(one));
        drawn.Should().HaveCount(2).And.OnlyHaveUniqueItems();
    }

    private static void ReadOne(IImageSource source)
    {
        using (source)
        {
            source.Read(3 % source.Count, new byte[source.Shape.Elements], new SeedStream(4), Token);
        }
    }

    // The pixels of each image, in order.
    private static string[] Read(IImageSource source, int workers, long start, int rank, int world, int steps)
    {
        BatchPlan plan = new() { StepSize = Step, BatchSize = 2, Start = start, Rank = rank, World = world };
        using BatchLoader loader = new(source, new SampleOrder(Seeds, source.Count), plan, Seeds, new LoadingOptions { Workers = workers });
        List<string> images = [];
        for (int batch = 0; batch < steps * Step / world / 2; batch++)
        {
            using ImageBatch read = loader.Next(Token);
            images.AddRange(Enumerable.Range(0, 2).Select(i =>
            {
                using Tensor image = read.Pixels[i].contiguous();
                return $"{read.Positions.Span[i]} {Convert.ToHexString(image.bytes)}";
            }));
        }

        return [.. images];
    }

    private IImageSource Open(string kind) => Open(kind, Crops, Edits);

    private IImageSource Open(string kind, ImageTransform[] crops, ImageTransform[] edits)
    {
        if (kind == "files")
        {
            Files();
            return ImageFolder.Open(folder.Path, new ImagePreparation { Size = 16, Transforms = [.. crops, .. edits] });
        }

        DrawnShapes shapes = DrawnShapes.Create(Images, 16);
        if (kind == "bytes")
        {
            return shapes.With([.. crops, .. edits]);
        }

        using (shapes)
        using (ImageBatch all = new BatchReader(shapes).Read([.. Enumerable.Range(0, Images)]))
        {
            return ImageTensors.From(all.Pixels).With([.. crops, .. edits]);
        }
    }

    private void Files()
    {
        using DrawnShapes shapes = DrawnShapes.Create(Images, 100);
        byte[] pixels = new byte[100 * 100 * 3];
        for (int i = 0; i < Images; i++)
        {
            string path = folder.File($"{i:D2}.jpg");
            if (File.Exists(path))
            {
                return;
            }

            shapes.Read(i, pixels, cancellationToken: Token);
            File.WriteAllBytes(path, TestImages.Encode(100, 100, SKEncodedImageFormat.Jpeg, (x, y) =>
            {
                int at = 3 * ((100 * y) + x);
                return new SKColor(pixels[at], pixels[at + 1], pixels[at + 2]);
            }));
        }
    }

    private sealed class OneFile : IEncodedImages
    {
        public long Count => 1;

        public int? ClassCount => null;

        public string Description => "one file";

        public long LabelOf(long index) => throw new InvalidOperationException("There are no labels.");

        public string NameOf(long index) => "the file";

        public void Read(long index, IBufferWriter<byte> destination, CancellationToken cancellationToken) =>
            destination.Write(TestImages.Png(20, 20));

        public void Dispose()
        {
        }
    }
}

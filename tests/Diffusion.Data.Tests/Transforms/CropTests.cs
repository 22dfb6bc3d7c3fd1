using static TorchSharp.torch;

namespace Diffusion.Data.Tests.Transforms;

public sealed class CropTests
{
    private const int Draws = 2000;
    private static readonly (int, int) Target = (64, 64);

    [Fact]
    public void A_random_resized_crop_has_the_requested_areas_and_aspect_ratios_and_any_place()
    {
        ImageFrame[] frames = [.. Frames(ImageTransform.RandomResizedCrop(0.2, 0.6, 0.5, 2), 400, 300)];
        frames.Should().OnlyContain(frame => frame.Width == 64 && frame.Height == 64);
        CropArea[] parts = [.. frames.Select(frame => frame.Part)];
        parts.Should().OnlyContain(part => part.Left >= 0 && part.Top >= 0 && part.Left + part.Width <= 400
            && part.Top + part.Height <= 300);

        double[] areas = [.. parts.Select(part => part.Width * part.Height / (400 * 300))];
        double[] aspects = [.. parts.Select(part => part.Width / part.Height)];
        (areas.Min(), areas.Max()).Should().Match<(double Min,
            double Max)>(area => area.Min > 0.195 && area.Min < 0.22 && area.Max > 0.55 && area.Max < 0.605);
        (aspects.Min(), aspects.Max()).Should().Match<(double Min,
            double Max)>(shape => shape.Min > 0.49 && shape.Min < 0.6 && shape.Max > 1.8 && shape.Max < 2.05);

        // Uniform in the logarithm: portrait and landscape are equally likely, except for shapes that do not fit.
        aspects.Count(aspect => aspect < 1).Should().BeInRange(Draws * 40 / 100, Draws * 60 / 100);
        parts.Count(part => part.Left + (part.Width / 2) < 200).Should().BeInRange(Draws * 45 / 100, Draws * 55 / 100);
        parts.Count(part => part.Top + (part.Height / 2) < 150).Should().BeInRange(Draws * 45 / 100, Draws * 55 / 100);
    }

    [Theory]
    [InlineData(1000, 10, 487, 0, 13, 10)]
    [InlineData(10, 1000, 0, 493, 10, 13)]
    public void If_no_attempt_fits_the_largest_permitted_center_is_used(int width, int height, int left, int top, int wide,
        int high)
    {
        // torchvision's fallback: clipped to 3/4 and 4/3.
        Frames(ImageTransform.RandomResizedCrop(minArea: 0.9), width, height).Select(frame => frame.Part).Distinct()
            .Should().Equal(new CropArea(left == 487 ? (width - wide) / 2 : left, top == 493 ? (height - high) / 2 : top, wide, high));
    }

    [Fact]
    public void For_measurements_a_random_crop_is_centered()
    {
        ImageFrame whole = ImageFrame.Whole(400, 300);
        Choose(whole, null, ImageTransform.RandomResizedCrop()).Should().Be(new ImageFrame(new CropArea(50, 0, 300, 300), 64, 64));
        Choose(whole, null, ImageTransform.RandomSquare(0.3)).Should().Be(new ImageFrame(new CropArea(50, 0, 300, 300), 300, 300));
        Choose(whole, null, ImageTransform.Resize(72), ImageTransform.RandomCrop(64)).Width.Should().Be(64);
        Choose(whole, null, ImageTransform.RandomCrop(100)).Part.Should().Be(new CropArea(150, 100, 100, 100));
        Choose(whole, null, ImageTransform.RandomCrop("mine", (_, _, _) => new ImageWindow(0, 0, 1, 1))).Should().Be(whole);
        Choose(whole, null, ImageTransform.Crop("mine", (width, height) => new ImageWindow(1, 2, width / 2, height / 2))).Part
            .Should().Be(new CropArea(1, 2, 200, 150));
        Choose(whole, null, ImageTransform.Stretch()).Should().Be(new ImageFrame(new CropArea(0, 0, 400, 300), 64, 64));
    }

    [Fact]
    public void A_random_square_of_a_tiny_fraction_has_a_pixel()
    {
        Frames(ImageTransform.RandomSquare(1e-9), 90, 60).Should().OnlyContain(frame => frame.Width >= 1 && frame.Width == frame.Height);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_crop_of_images_that_are_not_files_is_enlarged_alike_for_bytes_and_floats(bool floats)
    {
        // A ramp: red is the column. The enlarged left half has half the range.
        byte[] ramp = [.. Enumerable.Range(0, 8 * 8).SelectMany(i => (byte[])[(byte)(32 * (i % 8)), (byte)(32 * (i / 8)), 9])];
        using Tensor bytes = tensor(ramp, [1, 8, 8, 3]);
        using Tensor pixels = PixelRange.FromBytes(bytes);
        using IImageSource source = ImageTensors.From(floats ? pixels : bytes)
            .With(ImageTransform.Crop("quarter", (_, _) => new ImageWindow(0, 4, 4, 4)));
        using ImageBatch batch = new BatchReader(source).Read([0]);
        using Tensor back = PixelRange.ToBytes(batch.Pixels); // [B, H, W, C]
        byte[] red = [.. Enumerable.Range(0, 8).Select(x => back[0, 3, x, 0].item<byte>())];
        byte[] green = [.. Enumerable.Range(0, 8).Select(y => back[0, y, 3, 1].item<byte>())];
        red.Should().Equal(0, 8, 24, 40, 56, 72, 88, 96);
        green.Should().Equal(128, 136, 152, 168, 184, 200, 216, 224);
    }

    [Fact]
    public void Invalid_crops_are_rejected_when_created()
    {
        FluentActions.Invoking(() => ImageTransform.RandomSquare(0)).Should().Throw<ArgumentOutOfRangeException>()
            .WithMessage("*above 0 and at most 1*");
        FluentActions.Invoking(() => ImageTransform.RandomSquare(double.NaN)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => ImageTransform.RandomResizedCrop(0.5, 0.2)).Should().Throw<ArgumentOutOfRangeException>()
            .WithMessage("*is 0.5 to 0.2*");
        FluentActions.Invoking(() => ImageTransform.RandomResizedCrop(minAspect: double.NaN)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => ImageTransform.CenterCrop(0)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => ImageTransform.Resize(0)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => ImageTransform.RandomFlip(1.5)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*0..1*");
    }

    private static IEnumerable<ImageFrame> Frames(ImageTransform transform, int width, int height) =>
        Enumerable.Range(0, Draws).Select(seed => Choose(ImageFrame.Whole(width, height), new SeedStream(seed), transform));

    private static ImageFrame Choose(ImageFrame whole, SeedStream? draws, params ImageTransform[] transforms) =>
        new TransformList(transforms, [], 3).Choose(whole, Target, draws);
}

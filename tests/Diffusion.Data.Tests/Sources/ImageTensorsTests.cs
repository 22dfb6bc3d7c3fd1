using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Data.Tests;

public sealed class ImageTensorsTests
{
    [Fact]
    public void Bytes_and_labels_are_copied()
    {
        using Tensor images = arange(0, 2 * 2 * 3 * 3, ScalarType.Byte).view(2, 2, 3, 3); // [N, H, W, C]
        using Tensor labels = tensor((long[])[4, 1]);
        using ImageTensors source = ImageTensors.From(images, labels);
        images.fill_(0);

        (source.Count, source.Shape, source.Encoding, source.ClassCount).Should().Be((2, new ImageShape(3, 2, 3), PixelEncoding.UInt8, 5));
        byte[] second = new byte[18];
        source.Read(1, second, cancellationToken: TestContext.Current.CancellationToken);
        second.Should().Equal(Enumerable.Range(18, 18).Select(i => (byte)i));
        (source.LabelOf(0), source.LabelOf(1)).Should().Be((4, 1));
    }

    [Fact]
    public void Floats_come_back_bit_for_bit_from_a_strided_view()
    {
        using Tensor whole = rand(3, 4, 5, 2).mul_(2).sub_(1);
        using Tensor images = whole.permute(0, 3, 1, 2); // [N, C, H, W]
        using ImageTensors source = ImageTensors.From(images);
        byte[] bytes = new byte[2 * 4 * 5 * 4];
        source.Read(2, bytes, cancellationToken: TestContext.Current.CancellationToken);

        (source.Shape, source.Encoding, source.ClassCount).Should().Be((new ImageShape(2, 4, 5), PixelEncoding.Float32, null));
        using Tensor third = images[2].contiguous();
        bytes.Should().Equal(third.bytes.ToArray());
    }

    [Fact]
    public void It_outlives_the_scope_in_which_it_was_created()
    {
        ImageTensors source;
        using (NewDisposeScope())
        {
            source = ImageTensors.From(zeros([1, 2, 2, 1], ScalarType.Byte));
        }

        source.Read(0, new byte[4], cancellationToken: TestContext.Current.CancellationToken);
        source.Dispose();
        ((Action)(() => source.Read(0, new byte[4]))).Should().Throw<ObjectDisposedException>();
    }

    [Fact]
    public void The_range_of_the_whole_set_is_checked()
    {
        using Tensor images = rand(50, 1, 10, 10);
        ((Action)(() => ImageTensors.From(images))).Should().Throw<ArgumentException>().WithMessage("*unscaled values in 0..1*");
        ImageTensors.From(images, refuseUnitRange: false).Dispose();
        images.mul_(255);
        ((Action)(() => ImageTensors.From(images))).Should().Throw<ArgumentException>().WithMessage("*unscaled bytes 0..255*");
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.NegativeInfinity)]
    public void A_single_NaN_among_many_images_is_rejected(float value)
    {
        using Tensor images = rand(50, 1, 10, 10).mul_(2).sub_(1);
        images[37, 0, 4, 9] = value;
        ((Action)(() => ImageTensors.From(images))).Should().Throw<ArgumentException>().WithMessage("*NaN or infinity*");
    }

    [Fact]
    public void Floats_with_channels_last_are_rejected()
    {
        using Tensor last = rand(2, 32, 32, 3).mul_(2).sub_(1);
        ((Action)(() => ImageTensors.From(last))).Should().Throw<ArgumentException>()
            .WithMessage("*looks like [N, H, W, C], but must be [N, C, H, W]*permute(0, 3, 1, 2)*");
        using Tensor latents = rand(2, 4, 4, 1).mul_(2).sub_(1);
        ImageTensors.From(latents).Dispose();
    }

    [Fact]
    public void A_class_count_without_labels_is_rejected()
    {
        using Tensor images = zeros([2, 4, 4, 3], ScalarType.Byte);
        ((Action)(() => ImageTensors.From(images, classCount: 10))).Should().Throw<ArgumentException>()
            .WithMessage("*no labels, but classCount is 10*");
    }

    [Fact]
    public void Invalid_tensors_are_rejected()
    {
        using Tensor doubles = zeros([1, 1, 2, 2], ScalarType.Float64);
        using Tensor none = zeros(0, 1, 2, 2);
        using Tensor planes = zeros([5, 3, 8, 8], ScalarType.Byte);
        foreach (Tensor images in (Tensor[])[doubles, none, planes])
        {
            ((Action)(() => ImageTensors.From(images))).Should().Throw<ArgumentException>()
                .WithMessage("*float32 [N, C, H, W]*uint8 [N, H, W, C]*");
        }

        using Tensor good = zeros(2, 1, 2, 2);
        using Tensor one = zeros([1], ScalarType.Int64);
        using Tensor floats = zeros(2);
        using Tensor negative = tensor((long[])[0, -1]);
        ((Action)(() => ImageTensors.From(good, one))).Should().Throw<ArgumentException>().WithMessage("*must be int64 [2]*");
        ((Action)(() => ImageTensors.From(good, floats))).Should().Throw<ArgumentException>();
        ((Action)(() => ImageTensors.From(good, negative))).Should().Throw<ArgumentException>()
            .WithMessage("*Label -1 of image 1 is negative*");
        using Tensor high = tensor((long[])[0, 3]);
        ((Action)(() => ImageTensors.From(good, high, classCount: 3))).Should().Throw<ImageDataException>()
            .WithMessage("*largest label is 3*0..2*");
    }
}

using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Images;

public sealed class PixelRangeTests
{
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(1, 4, 5)]
    [InlineData(3, 4, 4)]
    [InlineData(3, 5, 7)]
    [InlineData(3, 33, 31)]
    [InlineData(1, 33, 31)]
    [InlineData(4, 6, 9)]
    public void Every_byte_of_every_channel_lands_in_its_plane_with_its_value(int channels, int height, int width)
    {
        using Tensor bytes = randint(0, 256, [3, height, width, channels], ScalarType.Byte);
        using Tensor floats = PixelRange.FromBytes(bytes);
        floats.shape.Should().Equal(3, channels, height, width);
        byte[] source = bytes.data<byte>().ToArray();
        float[] expected =
        [
            .. from image in Enumerable.Range(0, 3)
               from channel in Enumerable.Range(0, channels)
               from pixel in Enumerable.Range(0, height * width)
               select (source[(((image * height * width) + pixel) * channels) + channel] / 127.5f) - 1,
        ];
        floats.data<float>().ToArray().Should().Equal(expected);

        // Not side by side in memory: the same by another way.
        using Tensor turned = bytes.transpose(1, 2);
        using Tensor slow = PixelRange.FromBytes(turned);
        using Tensor back = slow.transpose(2, 3).contiguous();
        back.data<float>().ToArray().Should().Equal(expected);
    }

    [Fact]
    public void Every_byte_survives_the_way_to_floats_and_back()
    {
        using Tensor bytes = arange(0, 256, ScalarType.Byte).view(1, 16, 16, 1);
        using Tensor floats = PixelRange.FromBytes(bytes);
        using Tensor back = PixelRange.ToBytes(floats);

        floats.dtype.Should().Be(ScalarType.Float32);
        floats.min().item<float>().Should().Be(-1);
        floats.max().item<float>().Should().Be(1);
        back.bytes.ToArray().Should().Equal(bytes.bytes.ToArray());
    }

    [Fact]
    public void Channels_move_from_last_to_second_and_back()
    {
        using Tensor bytes = arange(0, 2 * 3 * 5 * 3, ScalarType.Byte).view(2, 3, 5, 3); // [B, H, W, C]
        using Tensor floats = PixelRange.FromBytes(bytes);

        floats.shape.Should().Equal(2, 3, 3, 5);
        floats.is_contiguous().Should().BeTrue();
        floats[1, 2, 0, 4].item<float>().Should().Be((bytes[1, 0, 4, 2].item<byte>() / 127.5f) - 1);
        using Tensor back = PixelRange.ToBytes(floats);
        back.bytes.ToArray().Should().Equal(bytes.bytes.ToArray());
        back.is_contiguous().Should().BeTrue();
    }

    [Fact]
    public void Values_outside_are_clamped_and_others_rounded_to_the_nearest_byte()
    {
        using Tensor images = tensor([-3f, -1, -0.9999f, 0.0001f, 0.9999f, 7], [1, 1, 1, 6]);
        using Tensor bytes = PixelRange.ToBytes(images);
        bytes.data<byte>().ToArray().Should().Equal(0, 0, 0, 128, 255, 255);
    }

    [Fact]
    public void Nan_is_no_pixel()
    {
        using Tensor images = full([1, 1, 2, 2], float.NaN);
        Action toBytes = () => PixelRange.ToBytes(images);
        toBytes.Should().Throw<ArgumentException>().WithMessage("*NaN*diverged*");
    }

    [Theory]
    [InlineData(0, 255, "*unscaled bytes 0..255: divide by 127.5 and subtract 1*")]
    [InlineData(0, 2, "*unscaled bytes 0..255*")]
    [InlineData(0, 1, "*unscaled values in 0..1: multiply by 2 and subtract 1*")]
    [InlineData(0.3, 0.9, "*unscaled values in 0..1*")]
    [InlineData(-1.002, 1, "*[-1.002, 1], but must lie in [-1, 1]. Scale them*")]
    [InlineData(-1, 1.002, "*must lie in [-1, 1]. Scale them*")]
    [InlineData(-128, 127, "*must lie in [-1, 1]. Scale them*")]
    [InlineData(0, 65535, "*must lie in [-1, 1]. Scale them*")]
    public void A_wrong_range_is_named(double smallest, double largest, string message)
    {
        using Tensor images = linspace(smallest, largest, 64 * 64, ScalarType.Float32).view(1, 1, 64, 64);
        Action check = () => PixelRange.Check(images);
        check.Should().Throw<ArgumentException>().WithMessage(message).WithParameterName("images");
        PixelRange.FindMistake(images.data<float>().ToArray(), refuseUnitRange: true).Should().Match(message);
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(-1.0005, 1.0005)]
    [InlineData(-0.1, 0.9)]
    public void The_right_range_passes(double smallest, double largest)
    {
        using Tensor images = linspace(smallest, largest, 64 * 64, ScalarType.Float32).view(1, 1, 64, 64);
        PixelRange.Check(images);
        PixelRange.FindMistake(images.data<float>().ToArray(), refuseUnitRange: true).Should().BeNull();
    }

    [Fact]
    public void Images_without_a_dark_pixel_pass_when_they_are_few_or_the_rule_is_off()
    {
        using Tensor few = ones(1, 1, 63, 65); // 4095
        using Tensor enough = ones(1, 1, 64, 64); // 4096
        PixelRange.Check(few);
        PixelRange.Check(enough, refuseUnitRange: false);
        Action check = () => PixelRange.Check(enough);
        check.Should().Throw<ArgumentException>();
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void One_value_that_is_not_finite_is_found_wherever_it_lies(float bad)
    {
        for (int place = 0; place < 37; place++)
        {
            float[] pixels = new float[37];
            pixels[place] = bad;
            PixelRange.FindMistake(pixels, refuseUnitRange: true).Should().Match("*NaN or infinity*", "it lies at {0}", place);
            using Tensor images = tensor(pixels, [1, 1, 1, 37]);
            Action check = () => PixelRange.Check(images);
            check.Should().Throw<ArgumentException>().WithMessage("*NaN or infinity*");
        }
    }

    [Fact]
    public void Wrong_kinds_and_shapes_are_refused()
    {
        using Tensor bytes = zeros([1, 1, 4, 4], ScalarType.Byte);
        using Tensor flat = zeros(4, 4);
        ((Action)(() => PixelRange.Check(bytes))).Should().Throw<ArgumentException>().WithMessage("*must be floating point [B, C, H, W]*");
        ((Action)(() => PixelRange.Check(flat))).Should().Throw<ArgumentException>();
        ((Action)(() => PixelRange.FromBytes(flat))).Should().Throw<ArgumentException>().WithMessage("*uint8 [B, H, W, C]*");
        ((Action)(() => PixelRange.ToBytes(bytes))).Should().Throw<ArgumentException>();
    }

    [Fact]
    public void Nothing_is_left_behind()
    {
        using Tensor bytes = zeros([2, 4, 4, 3], ScalarType.Byte);
        PixelRange.FromBytes(bytes).Dispose();
        long before = LiveTensors.Settle();
        using (Tensor floats = PixelRange.FromBytes(bytes))
        {
            PixelRange.Check(floats);
            PixelRange.ToBytes(floats).Dispose();
        }

        LiveTensors.OfProcess.Should().BeLessThanOrEqualTo(before);
    }
}

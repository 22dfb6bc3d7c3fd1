using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Backend;

public sealed class PrecisionTests
{
    [Fact]
    public void A_cpu_has_no_TF32()
    {
        ComputeDevice device = ComputeDevice.Cpu();

        device.Supports(Precision.Float32).Should().BeTrue();
        device.Supports(Precision.TensorFloat32).Should().BeFalse();
        device.Supports(Precision.Best).Should().BeFalse();
        FluentActions.Invoking(() => PrecisionSpeed.Of(device, Precision.TensorFloat32)).Should().Throw<ArgumentException>()
            .WithMessage("cpu does not compute in TensorFloat32. Use Float32.*");
    }

    [Theory]
    [InlineData(1.0, 1.05, 1.0, Precision.Float32)]
    [InlineData(3.0, 3.2, 3.2, Precision.TensorFloat32)]
    [InlineData(3.0, 6.0, 6.1, Precision.BFloat16)] // a recent GPU
    [InlineData(1.0, 0.3, 4.0, Precision.Float16)] // one before Ampere
    [InlineData(1.0, 2.0, 2.3, Precision.Float16)]
    [InlineData(0.9, 1.1, 1.2, Precision.BFloat16)]
    public void The_best_precision_is_worth_its_rounding(double tensorFloat32, double bfloat16, double float16, Precision expected)
    {
        Precision[] candidates = [Precision.TensorFloat32, Precision.BFloat16, Precision.Float16];

        Precision best = PrecisionSpeed.Fastest(candidates, precision => precision switch
        {
            Precision.TensorFloat32 => tensorFloat32,
            Precision.BFloat16 => bfloat16,
            _ => float16,
        });

        best.Should().Be(expected);
    }

    [Fact]
    public void A_cpu_is_never_measured_in_float16() =>
        PrecisionSpeed.Candidates(ComputeDevice.Cpu()).Should().BeSubsetOf([Precision.BFloat16]);

    [Theory]
    [InlineData(6.0, 64L, 8)] // milliseconds of eight images, GiB
    [InlineData(4.0, 64L, 16)]
    [InlineData(0.1, 64L, 512)]
    [InlineData(0.001, 64L, 4096)]
    [InlineData(0.001, 4L, 1024)]
    [InlineData(0.001, null, 1024)]
    [InlineData(0.1, 1L, 256)]
    public void A_GPU_is_measured_with_as_many_images_as_keep_it_busy_and_fit(double milliseconds, long? gibibytes, int expected)
    {
        List<int> tried = [];

        int images = PrecisionSpeed.ImagesFor(gibibytes << 30, count =>
        {
            tried.Add(count);
            return milliseconds / 1000 * count / 8;
        });

        images.Should().Be(expected);
        tried.Should().NotBeEmpty().And.BeInAscendingOrder().And.OnlyContain(count => count <= expected);
    }

    [Fact]
    public void A_GPU_whose_memory_others_use_is_measured_with_as_many_images_as_worked() =>
        PrecisionSpeed.ImagesFor(80L << 30, count => count < 64 ? 0.001 : throw new ExternalException("out of memory")).Should().Be(32);

    [Fact]
    public void A_speed_is_unknown_while_a_training_in_TF32_prevents_its_measurement()
    {
        using (Float32Products.Use(tensorFloat32: true))
        {
            PrecisionSpeed.OrNull(Measure).Should().BeNull();
        }

        PrecisionSpeed.OrNull(Measure).Should().Be(2);
        FluentActions.Invoking(() => PrecisionSpeed.OrNull(() => throw new InvalidOperationException("another reason")))
            .Should().Throw<InvalidOperationException>().WithMessage("another reason");

        static double Measure()
        {
            using Float32Products exact = Float32Products.Use(tensorFloat32: false);
            return 2;
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_switch_for_TF32_is_set_for_a_training_and_then_what_it_was(bool tensorFloat32)
    {
        (bool, bool) before = Allowed();

        using (Float32Products first = Float32Products.Use(tensorFloat32))
        {
            Allowed().Should().Be((tensorFloat32, tensorFloat32));
            using (Float32Products.Use(tensorFloat32))
            {
                Allowed().Should().Be((tensorFloat32, tensorFloat32));
            }

            Allowed().Should().Be((tensorFloat32, tensorFloat32), "the first training still runs");
            first.Dispose();
            Allowed().Should().Be(before);
        }

        Allowed().Should().Be(before, "a second disposal does nothing");
        Float32Products.IsFree(!tensorFloat32).Should().BeTrue();
    }

    [Fact]
    public void Two_trainings_that_need_the_switch_differently_are_refused_by_name()
    {
        using (Float32Products.Use(tensorFloat32: true))
        {
            FluentActions.Invoking(() => Float32Products.Use(tensorFloat32: false)).Should().Throw<InvalidOperationException>()
                .WithMessage("A training in Float32 cannot start, because another one of this process computes in TensorFloat32, *Use the "
                    + "same precision, BFloat16, or another process.");
            Float32Products.IsFree(tensorFloat32: false).Should().BeFalse();
            Allowed().Should().Be((true, true));
        }

        Float32Products.Use(tensorFloat32: false).Dispose();
    }

    [Fact]
    public void A_cpu_and_16_bits_leave_the_switch_alone()
    {
        Float32Products.For(DeviceType.CPU, Precision.Float32).Should().BeNull();
        Float32Products.For(DeviceType.CUDA, Precision.BFloat16).Should().BeNull();
        Float32Products.For(DeviceType.CUDA, Precision.Float16).Should().BeNull();
        (bool, bool) before = Allowed();
        using (Float32Products? exact = Float32Products.For(DeviceType.CUDA, Precision.Float32))
        {
            exact.Should().NotBeNull();
            Allowed().Should().Be((false, false));
        }

        using (Float32Products? rounded = Float32Products.For(DeviceType.CUDA, Precision.TensorFloat32))
        {
            rounded.Should().NotBeNull();
            Allowed().Should().Be((true, true));
        }

        Allowed().Should().Be(before);
    }

    private static (bool Products, bool Convolutions) Allowed() => (backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32);
}

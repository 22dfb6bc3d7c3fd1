using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Denoising;

public sealed class ForwardProcessTests
{
    private static readonly ForwardProcess Forward = new(NoiseSchedule.Linear());

    // sqrt(alpha-bar) of the linear schedule at timesteps 0, 500 and 999: golden numbers of NoiseScheduleTests.
    private static readonly long[] Timesteps = [0, 500, 999];
    private static readonly double[] Alphas = [0.9999499987499375, 0.2789205233843933, 0.006352818087570022];

    [Fact]
    public void Each_image_is_mixed_with_noise_as_its_own_timestep_says()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor clean = Ramp(-1, 1);
        Tensor noise = Ramp(2, -3);
        Tensor noisy = Forward.AddNoise(clean, noise, tensor(Timesteps));
        Tensor alpha = tensor(Alphas).reshape(3, 1, 1, 1);
        Tensor sigma = (1 - (alpha * alpha)).sqrt();
        noisy.MaxDifference((alpha * clean) + (sigma * noise)).Should().BeLessThan(1e-6);
        noisy.dtype.Should().Be(ScalarType.Float32);

        NoiseLevel[] levels = [.. Timesteps.Select(t => NoiseSchedule.Linear()[(int)t])];
        ForwardProcess.AddNoise(clean, noise, levels).SameBits(noisy).Should().BeTrue("a timestep is a noise level");
    }

    [Fact]
    public void Arguments_stay_as_they_are()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor clean = Ramp(-1, 1);
        Tensor noise = Ramp(2, -3);
        Tensor timesteps = tensor(Timesteps);
        Forward.AddNoise(clean, noise, timesteps);
        clean.SameBits(Ramp(-1, 1)).Should().BeTrue();
        noise.SameBits(Ramp(2, -3)).Should().BeTrue();
        timesteps.data<long>().ToArray().Should().Equal(Timesteps);
    }

    [Fact]
    public void Noise_of_unit_variance_on_images_of_unit_variance_keeps_it()
    {
        using DisposeScope scope = NewDisposeScope();
        long[] indices = [.. Enumerable.Range(0, 50).Select(i => (long)i)];
        Tensor clean = NormalNoise.Draw(new SeedStream(1), RandomPurpose.Drawing, indices, ImageShape.Square(16));
        Tensor noise = NormalNoise.Draw(new SeedStream(1), RandomPurpose.Noise, indices, ImageShape.Square(16));
        Tensor noisy = Forward.AddNoise(clean, noise, tensor(Array.ConvertAll(indices, i => i * 20)));
        noisy.var().item<float>().Should().BeApproximately(1, 0.03f);
    }

    [Fact]
    public void Other_floating_point_types_are_kept()
    {
        using DisposeScope scope = NewDisposeScope();
        foreach (ScalarType type in (ScalarType[])[ScalarType.Float64, ScalarType.BFloat16])
        {
            Forward.AddNoise(Ramp(-1, 1).to(type), Ramp(1, 2).to(type), tensor(Timesteps)).dtype.Should().Be(type);
        }
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.Int32)]
    public void Timesteps_that_are_not_int64_are_refused_with_the_remedy(ScalarType type)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor timesteps = tensor(Timesteps).to(type);
        ((Action)(() => Forward.AddNoise(Ramp(0, 1), Ramp(0, 1), timesteps)))
            .Should().Throw<ArgumentException>().WithMessage($"Timesteps are {type}*int64*torch.randint(0, T, [B])*");
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1000)]
    [InlineData(long.MaxValue)]
    public void Timesteps_outside_the_schedule_are_refused_with_the_remedy(long timestep)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor timesteps = tensor((long[])[0, timestep, 999]);
        ((Action)(() => Forward.AddNoise(Ramp(0, 1), Ramp(0, 1), timesteps)))
            .Should().Throw<ArgumentException>().WithMessage($"Timestep {timestep} is outside [0, 999]*torch.randint*");
    }

    [Fact]
    public void Timesteps_must_be_one_for_each_image()
    {
        using DisposeScope scope = NewDisposeScope();
        foreach (Tensor timesteps in (Tensor[])[tensor((long[])[1, 2]), tensor(Timesteps).reshape(3, 1), tensor(5L)])
        {
            ((Action)(() => Forward.AddNoise(Ramp(0, 1), Ramp(0, 1), timesteps)))
                .Should().Throw<ArgumentException>().WithMessage("Timesteps have the shape*must be [3]: one for each image*");
        }
    }

    [Fact]
    public void Noise_must_have_the_shape_of_the_images()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor gray = zeros(3, 1, 2, 2);
        ((Action)(() => Forward.AddNoise(Ramp(0, 1), gray, tensor(Timesteps))))
            .Should().Throw<ArgumentException>().WithMessage("*[3, 3, 2, 2] on cpu and Float32 [3, 1, 2, 2]*");
    }

    [Fact]
    public void Images_and_noise_must_be_floating_point_batches_of_one_dtype_on_one_device()
    {
        using DisposeScope scope = NewDisposeScope();
        Refused(Ramp(0, 1).to(ScalarType.Byte), Ramp(0, 1), "*Byte*floating point [B, C, H, W]*");
        Refused(Ramp(0, 1), Ramp(0, 1).to(ScalarType.Byte), "*Byte*floating point [B, C, H, W]*");
        Refused(zeros(3, 4), zeros(3, 4), "*[3, 4]*floating point [B, C, H, W]*");
        Refused(Ramp(0, 1), Ramp(0, 1).to(ScalarType.Float64),
            "*Float32 [3, 3, 2, 2]*Float64 [3, 3, 2, 2]*Draw the noise like the images*");
        Refused(Ramp(0, 1), zeros([3, 3, 2, 2], device: new Device(DeviceType.META)), "*on cpu*on meta*");

        static void Refused(Tensor clean, Tensor noise, string message)
        {
            Tensor timesteps = tensor(Timesteps);
            ((Action)(() => Forward.AddNoise(clean, noise, timesteps))).Should().Throw<ArgumentException>().WithMessage(message);
        }
    }

    [Fact]
    public void Nothing_is_left_behind()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor clean = Ramp(-1, 1);
        Tensor timesteps = tensor(Timesteps);
        LiveTensors.GrowthOver(5, () =>
        {
            Forward.AddNoise(clean, clean, timesteps).Dispose();
        }).Should().Be(0);
    }

    [Fact]
    public void A_schedule_without_timesteps_asks_for_levels_and_these_must_be_one_for_each_image()
    {
        using DisposeScope scope = NewDisposeScope();
        ((Action)(() => new ForwardProcess(new EdmSchedule()).AddNoise(Ramp(0, 1), Ramp(0, 1), tensor(Timesteps))))
            .Should().Throw<InvalidOperationException>().WithMessage("edm(*has no timesteps*Pass noise levels*");
        ((Action)(() => ForwardProcess.AddNoise(Ramp(0, 1), Ramp(0, 1), [NoiseLevel.Clean])))
            .Should().Throw<ArgumentException>().WithMessage("There are 1 noise levels for 3 images*");
    }

    private static Tensor Ramp(double from, double to) => linspace(from, to, 36).reshape(3, 3, 2, 2);
}

using Diffusion.Sampling;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Runs;

/// <summary>Sampling by networks that compute in 16 bits.</summary>
public sealed class SamplingPrecisionTests
{
    private static readonly UNet2DOptions Small = UNet2DOptions.ForImages(8, 1, UNet2DSize.Medium) with
    {
        BlockOutChannels = [16], NormNumGroups = 4, AttentionHeadDim = 8,
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // A number is rounded by at most 2^-8 of itself in bfloat16, and 2^-11 in float16. A value of these networks has been rounded about 200
    // times on its way. The roundings add like random ones, to 14 times as much, and those of the weights come on top.
    [Theory]
    [InlineData(Precision.BFloat16, 32.0 / 256)]
    [InlineData(Precision.Float16, 32.0 / 2048)]
    public void Pictures_are_near_those_in_float32_and_the_trainer_keeps_its_weights(Precision precision, double bound)
    {
        HalfNetworks.Require(precision);
        using TemporaryFolder folder = new();
        using UNet2D unet = new(Small, seed: 3);
        using StripedImages images = new(size: 8);
        using Trainer trainer = Trainer.For(unet).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images)
            .UseCheckpoints(folder.Path).UsePrediction(PredictionType.Velocity).UseEma(0.5)
            .Configure(o => { o.BatchSize = 4; o.Steps = 3; o.LearningRate = LearningRate.Constant(1e-3).WithWarmup(0); })
            .Build();
        trainer.Run(Token);
        byte[] average = trainer.Ema!.Average.bytes.ToArray();
        using Tensor expected = Pictures(trainer.EmaDenoiser);

        using TrainedModel copy = trainer.SnapshotEma(precision);
        using TrainedModel opened = TrainedModel.Open(folder.Path, precision: precision);
        using Tensor ofCopy = Pictures(copy.Denoiser);
        using Tensor ofOpened = Pictures(opened.Denoiser);

        ofOpened.dtype.Should().Be(ScalarType.Float32);
        ofOpened.SameBits(ofCopy).Should().BeTrue();
        double difference = Rms(ofOpened - expected) / Rms(expected.alias());
        difference.Should().BeGreaterThan(0).And.BeLessThan(bound);
        opened.Denoiser.Model.Network.named_parameters()
            .Where(p => p.parameter.dtype != (precision == Precision.BFloat16 ? ScalarType.BFloat16 : ScalarType.Float16))
            .Select(p => p.name).Should().BeEmpty();
        trainer.Ema.Average.bytes.ToArray().Should().Equal(average);
        using Tensor again = Pictures(trainer.EmaDenoiser);
        again.SameBits(expected).Should().BeTrue();
    }

    [Theory]
    [InlineData(Precision.TensorFloat32)]
    [InlineData(Precision.Best)]
    [InlineData((Precision)9)]
    public void Other_precisions_are_refused_by_name(Precision precision)
    {
        using TemporaryFolder folder = new();
        using UNet2D unet = new(Small);
        using StripedImages images = new(size: 8);
        using Trainer trainer = Trainer.For(unet).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images).Build();

        string expected = $"Precision ({precision}) must be Float32, BFloat16 or Float16*";
        trainer.Invoking(t => t.SnapshotEma(precision)).Should().Throw<ArgumentException>().WithMessage(expected);
        ((Action)(() => TrainedModel.Open(folder.Path, precision: precision))).Should().Throw<ArgumentException>().WithMessage(expected);
    }

    [Theory]
    [InlineData(Precision.BFloat16)]
    [InlineData(Precision.Float16)]
    public void Where_the_device_cannot_it_is_refused_before_anything_is_read(Precision precision)
    {
        Assert.SkipWhen(ComputeDevice.Cpu().Supports(precision), "Convolutions are right on this processor.");

        ((Action)(() => TrainedModel.Open("nothing", precision: precision))).Should().Throw<ArgumentException>()
            .WithMessage($"Precision ({precision}) must be one that the device supports, but cpu does not. Use Float32*");
    }

    private static Tensor Pictures(Denoiser denoiser) =>
        new DdimSampler { Steps = 4 }.Sample(denoiser, count: 2, seed: 5, cancellationToken: Token);

    private static double Rms(Tensor images)
    {
        using Tensor given = images;
        using Tensor mean = given.square().mean().sqrt();
        return mean.item<float>();
    }
}

using Diffusion.Data;
using Diffusion.TestKit;
using TorchSharp;

namespace Diffusion.Training.Tests;

/// <summary>A guard that can be told to let something pass names how, and what it names works.</summary>
public sealed class GuardRemedyTests
{
    [Fact]
    public void A_memory_limit_that_is_raised_lets_the_images_in()
    {
        FluentActions.Invoking(() => InMemoryImages.Load(new StripedImages(count: 4), memoryLimit: 255)).Should()
            .Throw<ImageDataException>().WithMessage("*raise the limit*");
        using InMemoryImages images = InMemoryImages.Load(new StripedImages(count: 4), memoryLimit: 256,
            TestContext.Current.CancellationToken);
        images.Count.Should().Be(4);
    }

    [Fact]
    public void More_classes_take_the_highest_label()
    {
        using torch.Tensor pixels = torch.zeros([2, 1, 4, 4]).sub(0.5);
        using torch.Tensor labels = torch.tensor([0L, 9L]);
        FluentActions.Invoking(() => ImageTensors.From(pixels, labels, classCount: 9)).Should().Throw<ImageDataException>()
            .WithMessage("*raise the class count*");
        using ImageTensors images = ImageTensors.From(pixels, labels, classCount: 10);
        images.LabelOf(1).Should().Be(9);
    }

    [Fact]
    public void Bright_pixels_pass_the_check_of_their_range_once_that_is_said()
    {
        using torch.Tensor pixels = torch.rand(1, 3, 64, 64);
        FluentActions.Invoking(() => PixelRange.Check(pixels)).Should().Throw<ArgumentException>().WithMessage("*refuseUnitRange: false*");
        PixelRange.Check(pixels, refuseUnitRange: false);
    }

    [Fact]
    public void More_bad_images_are_trained_around_once_their_share_is_raised()
    {
        using TinyModel model = new(channels: 3);
        using NumberedImages images = new(60, index => index % 3 == 0);
        TrainerBuilder Builder() =>
            Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(images).Configure(o => (o.Steps, o.BatchSize) = (20, 4));
        Builder().Invoking(builder => builder.Build()).Should().Throw<ImageDataException>()
            .WithMessage("*20 of 60*raise Loading.MaxBadFraction*");
        Builder().Configure(o => o.Loading = o.Loading with { BadImages = BadImagePolicy.Throw }).Invoking(builder => builder.Build())
            .Should()
            .Throw<ImageDataException>().WithMessage("*let Loading.BadImages replace or skip them*");
        using Trainer trainer = Builder().Configure(o => o.Loading = o.Loading with { MaxBadFraction = 0.5 }).Build();
        trainer.Run(TestContext.Current.CancellationToken).Step.Should().Be(20);
    }
}

using Diffusion.TestKit;

namespace Diffusion.Training.Tests.Objectives;

/// <summary>The network that options of an objective create for images.</summary>
public sealed class CreatedNetworkTests
{
    [Theory]
    [InlineData(0.0, 0.0, false, 1)]
    [InlineData(0.1, 0.0, false, 2)]
    [InlineData(0.1, 0.5, false, 1)]
    [InlineData(0.0, 0.0, true, 1)]
    [InlineData(0.1, 0.5, true, 2)]
    public void It_fits_the_objective_and_its_run_is_opened_again(double dropout, double conditioning, bool learnsVariance, int patchSize)
    {
        using TemporaryFolder folder = new();
        using StripedImages images = new(classCount: 3);
        ObjectiveOptions objective = new() { LabelDropout = dropout, SelfConditioning = conditioning, LearnsVariance = learnsVariance };
        using IDiffusionModel model = objective.CreateNetwork(images.Shape, UNet2DSize.Small, images.ClassCount, patchSize, seed: 3);
        using (Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images).UseCheckpoints(folder.Path)
            .Configure(o => (o.BatchSize, o.Steps, o.Objective) = (2, 1, objective)).Build())
        {
            trainer.Run(TestContext.Current.CancellationToken).Loss.Should().BeGreaterThan(0);
        }

        model.SampleShape.Should().Be(images.Shape);
        model.ClassCount.Should().Be(dropout > 0 ? 4 : 3);
        model.IsSelfConditioned.Should().Be(conditioning > 0);
        using TrainedModel opened = TrainedModel.Open(folder.Path);
        opened.Denoiser.Model.Description.Should().Be(model.Description);
        opened.ImageClassCount.Should().Be(3);
    }

    [Fact]
    public void Without_options_it_is_the_plain_network_of_the_same_seed()
    {
        ImageShape shape = ImageShape.Square(8);
        using IDiffusionModel model = new ObjectiveOptions().CreateNetwork(shape, UNet2DSize.Small, classes: null, seed: 3);
        using UNet2D plain = new(UNet2DOptions.ForImages(shape, UNet2DSize.Small, classes: null), seed: 3);

        model.Should().BeOfType<UNet2D>().Which.Options.Should().Be(plain.Options);
        model.Network.parameters().Zip(plain.parameters(), (a, b) => a.SameBits(b)).Should().OnlyContain(equal => equal);
    }

    [Fact]
    public void An_edit_changes_the_architecture_but_not_the_channels_of_the_objective()
    {
        ObjectiveOptions objective = new() { LearnsVariance = true };
        using IDiffusionModel model = objective.CreateNetwork(ImageShape.Square(8), UNet2DSize.Small, classes: 2,
            edit: options => options with { LayersPerBlock = options.LayersPerBlock + 2, InChannels = 7, OutChannels = 7 });

        UNet2DOptions usual = UNet2DOptions.ForImages(8, 3, UNet2DSize.Small, classes: 2);
        model.Should().BeOfType<UNet2D>().Which.Options.Should()
            .Be(usual with { LayersPerBlock = usual.LayersPerBlock + 2, OutChannels = 6 });
    }

    [Fact]
    public void Images_that_no_network_fits_are_refused() =>
        FluentActions.Invoking(() => new ObjectiveOptions().CreateNetwork(ImageShape.Square(8), UNet2DSize.Small, null, patchSize: 3))
            .Should().Throw<ArgumentException>().WithMessage("*cannot be divided into patches of 3 x 3*");
}

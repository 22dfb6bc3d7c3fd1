using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Networks;

public sealed class PatchedModelTests
{
    private static readonly UNet2DOptions OnPatches = TinyUNet.Options with { InChannels = 8, OutChannels = 8 };

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void The_network_sees_patches_as_channels_and_its_prediction_is_put_back_exactly(int size)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor? seen = null;
        using PatchedModel model = new(new ScriptedModel((noisy, _, _) => (seen = noisy.clone()).clone()), size);
        Tensor images = arange(2 * 3 * 8 * 12, ScalarType.Float32).view(2, 3, 8, 12);

        Tensor predicted = model.Predict(images, zeros(2, int64), Conditioning.None);

        predicted.SameBits(images).Should().BeTrue();
        seen!.shape.Should().Equal(2, 3 * size * size, 8 / size, 12 / size);
        seen[1, (2 * size * size) + size + 1, 1, 2].item<float>().Should()
            .Be(images[1, 2, size + 1, (2 * size) + 1].item<float>(), "channel c P P + i P + j is pixel (i, j) of a patch of channel c");
    }

    [Fact]
    public void A_predicted_variance_comes_after_the_prediction()
    {
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(new ScriptedModel((noisy, _, _) => cat([noisy, noisy * 2], 1)), 2);
        Tensor images = rand(1, 3, 4, 4);

        Tensor predicted = model.Predict(images, zeros(1, int64), Conditioning.None);

        predicted.SameBits(cat([images, images * 2], 1)).Should().BeTrue();
    }

    [Fact]
    public void It_has_the_weights_of_the_network_and_the_shape_of_the_images()
    {
        using PatchedModel model = new(new UNet2D(OnPatches), 2);
        using IDiffusionModel twin = model.CreateTwin();

        model.SampleShape.Should().Be(new ImageShape(2, 16, 16));
        model.Network.Should().BeSameAs(model.Inner.Network);
        twin.Should().BeOfType<PatchedModel>().Which.Description.Should().Be(model.Description);
        PatchedModel.Parse(model.Description).Should().NotBeNull();
        PatchedModel.Parse(model.Description)!.Value.PatchSize.Should().Be(2);
        UNet2DOptions.FromJson(PatchedModel.Parse(model.Description)!.Value.Network).Should().Be(OnPatches);
        PatchedModel.Parse(model.Inner.Description).Should().BeNull();
        PatchedModel.PatchShape(new ImageShape(3, 32, 16), 4).Should().Be(new ImageShape(48, 8, 4));
    }

    [Fact]
    public void Images_and_networks_that_do_not_fit_are_refused_with_the_remedy()
    {
        using DisposeScope scope = NewDisposeScope();
        using UNet2D unet = new(TinyUNet.Options);
        FluentActions.Invoking(() => new PatchedModel(unet, 2)).Should().Throw<ArgumentException>()
            .WithMessage("The network is for 2 channels, but patches of 2 x 2 pixels have a multiple of 4.*");
        FluentActions.Invoking(() => new PatchedModel(unet, 1)).Should().Throw<ArgumentOutOfRangeException>();
        using PatchedModel model = new(new UNet2D(OnPatches), 2);
        const string Indivisible = "Images of 15 x 16 pixels cannot be divided into patches of 2 x 2.*";
        model.Problems(new ImageShape(2, 15, 16), NoiseSchedule.Cosine()).Should().ContainSingle().Which.Should().Match(Indivisible);
        model.Invoking(m => m.Predict(zeros(1, 2, 15, 16), zeros(1, int64), Conditioning.None)).Should().Throw<ArgumentException>()
            .WithMessage(Indivisible);
        model.Problems(new ImageShape(3, 16, 16), NoiseSchedule.Cosine()).Should().ContainSingle().Which.Should()
            .StartWith("On patches of 2 x 2: ");
        model.Problems(new ImageShape(2, 16, 16), NoiseSchedule.Cosine()).Should().BeEmpty();
    }

    [Fact]
    public void Calls_after_its_disposal_are_refused_as_by_the_network()
    {
        PatchedModel model = new(new UNet2D(OnPatches), 2);
        Denoiser denoiser = new(model, NoiseSchedule.Cosine());
        model.Dispose();
        using Tensor noisy = zeros(1, 2, 16, 16);
        denoiser.Invoking(d => d.Denoise(noisy, d.Schedule.At(5))).Should().Throw<ObjectDisposedException>();
    }
}

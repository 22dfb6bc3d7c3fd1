using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Networks;

public sealed class SelfConditionedModelTests
{
    private static readonly UNet2DOptions Doubled = TinyUNet.Options with { InChannels = 4, OutChannels = 2 };

    [Fact]
    public void The_network_gets_the_noisy_images_and_the_estimate()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor? seen = null;
        using SelfConditionedModel model = new(new ScriptedModel((input, _, conditioning) =>
        {
            conditioning.EarlierClean.Should().BeNull("the network has it as channels");
            seen = input.clone().DetachFromDisposeScope();
            return input.narrow(1, 0, 3).clone();
        }));
        Tensor noisy = rand(2, 3, 4, 4);
        Tensor earlier = rand(2, 3, 4, 4);

        Tensor predicted = model.Predict(noisy, zeros(2, int64), new Conditioning { EarlierClean = earlier });

        predicted.SameBits(noisy).Should().BeTrue();
        seen!.SameBits(cat([noisy, earlier], 1)).Should().BeTrue();
        model.Predict(noisy, zeros(2, int64), Conditioning.None);
        seen!.SameBits(cat([noisy, zeros_like(noisy)], 1)).Should().BeTrue("zeros stand for no estimate");
    }

    [Fact]
    public void It_has_the_shape_of_the_images_and_fits_them()
    {
        using SelfConditionedModel model = new(new UNet2D(Doubled));
        using IDiffusionModel twin = model.CreateTwin();

        ImageShape shape = model.SampleShape!.Value;
        shape.Channels.Should().Be(2);
        model.IsSelfConditioned.Should().BeTrue();
        model.Problems(shape, NoiseSchedule.Cosine()).Should().BeEmpty();
        model.Problems(shape with { Channels = 3 }, NoiseSchedule.Cosine()).Should().NotBeEmpty();
        twin.Description.Should().Be(model.Description);
        SelfConditionedModel.Parse(model.Description).Should().NotBeNull();
        SelfConditionedModel.Parse(model.Inner.Description).Should().BeNull();
    }

    [Fact]
    public void Other_networks_are_refused()
    {
        using UNet2D odd = new(TinyUNet.Options with { InChannels = 3, OutChannels = 3 });
        FluentActions.Invoking(() => new SelfConditionedModel(odd)).Should().Throw<ArgumentException>()
            .WithMessage("The network is for 3 input channels*an even number*twice as many input channels*");
        using SelfConditionedModel model = new(new UNet2D(Doubled));
        FluentActions.Invoking(() => new PatchedModel(model, 2)).Should().Throw<ArgumentException>()
            .WithMessage("*Put the SelfConditionedModel around the PatchedModel.*");
    }

    [Fact]
    public void It_works_around_a_network_on_patches()
    {
        using DisposeScope scope = NewDisposeScope();
        using SelfConditionedModel model = new(new PatchedModel(new UNet2D(TinyUNet.Options with { InChannels = 16, OutChannels = 8 }), 2));
        ImageShape shape = model.SampleShape!.Value;

        model.Predict(rand(1, shape.Channels, shape.Height, shape.Width), zeros(1, int64), Conditioning.None)
            .shape.Should().Equal(1, shape.Channels, shape.Height, shape.Width);
        model.Problems(shape, NoiseSchedule.Cosine()).Should().BeEmpty();
    }
}

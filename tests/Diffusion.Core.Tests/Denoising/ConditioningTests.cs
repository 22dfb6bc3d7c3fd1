using Diffusion.Core.Tests.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Denoising;

public sealed class ConditioningTests
{
    [Fact]
    public void A_slice_has_the_labels_of_its_images()
    {
        using DisposeScope scope = NewDisposeScope();
        Conditioning all = new() { ClassLabels = tensor([4L, 5, 6, 7]), EndLabels = tensor([0.0, 1, 2, 3]) };

        Conditioning slice = all.Slice(1, 2);

        slice.ClassLabels!.data<long>().Should().Equal(5, 6);
        slice.EndLabels!.data<double>().Should().Equal(1, 2);
        Conditioning.None.Slice(0, 3).Should().Be(Conditioning.None);
    }

    [Fact]
    public void Two_batches_are_concatenated_and_must_have_the_same_tensors()
    {
        using DisposeScope scope = NewDisposeScope();
        Conditioning first = new() { ClassLabels = tensor([4L, 5]), EndLabels = tensor([0.5, 1]) };
        Conditioning second = new() { ClassLabels = tensor([6L]), EndLabels = tensor([2.0]) };

        Conditioning both = Conditioning.Concatenate(first, second);

        both.ClassLabels!.data<long>().Should().Equal(4, 5, 6);
        both.EndLabels!.data<double>().Should().Equal(0.5, 1, 2);
        Conditioning.Concatenate(Conditioning.None, Conditioning.None).Should().Be(Conditioning.None);
        FluentActions.Invoking(() => Conditioning.Concatenate(first, second with { EndLabels = null })).Should()
            .Throw<ArgumentException>().WithMessage("Only one of the two batches has EndLabels.*");
    }

    [Fact]
    public void A_network_with_one_label_for_each_image_refuses_an_interval()
    {
        using DisposeScope scope = NewDisposeScope();
        using UNet2D unet = new(TinyUNet.Options);
        using ModuleModel module = new(() => new Passing(), seed: 0);
        Conditioning interval = new() { EndLabels = zeros(1) };
        foreach (IDiffusionModel model in (IDiffusionModel[])[unet, module])
        {
            model.Invoking(network => network.Predict(zeros(1, 2, 8, 8), zeros(1, int64), interval)).Should().Throw<ArgumentException>()
                .WithMessage($"The conditioning has EndLabels, but a {model.GetType().Name} gets one label*");
        }
    }

    private sealed class Passing() : nn.Module<Tensor, Tensor, Tensor>(nameof(Passing))
    {
        public override Tensor forward(Tensor noisy, Tensor labels) => noisy;
    }
}

using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Optimization;

public sealed class FlatParametersTests
{
    [Fact]
    public void The_network_computes_what_it_computed_before()
    {
        using TinyModel model = new();
        using Tensor x = randn(2, 1, 8, 8);
        using Tensor t = zeros(2, ScalarType.Int64);
        using Tensor before = model.Predict(x, t, Conditioning.None);
        using FlatParameters parameters = new(model);
        using Tensor after = model.Predict(x, t, Conditioning.None);

        after.data<float>().ToArray().Should().Equal(before.data<float>().ToArray());
    }

    [Fact]
    public void Gradients_gather_in_the_flat_buffer_and_add_up()
    {
        using TinyModel model = new();
        using TinyModel plain = new();
        using FlatParameters parameters = new(model);
        using Tensor x = randn(2, 1, 8, 8);
        using Tensor t = ones(2, ScalarType.Int64);
        for (int i = 0; i < 2; i++)
        {
            model.Predict(x, t, Conditioning.None).sum().backward();
            plain.Predict(x, t, Conditioning.None).sum().backward();
        }

        foreach (FlatEntry entry in parameters.Layout.Entries)
        {
            using Tensor view = FlatLayout.View(parameters.Gradients, entry);
            view.contiguous().data<float>().ToArray().Should().Equal(plain.get_parameter(entry.Name)!.grad!.data<float>().ToArray());
        }
    }

    [Fact]
    public void The_groups_are_blocks_and_every_parameter_starts_aligned()
    {
        using TinyModel model = new(classCount: 3);
        model.get_parameter("time.weight")!.requires_grad = false;
        FlatLayout layout = FlatLayout.Of(model);

        layout.Entries.Select(e => (e.Name, e.Group)).Should().Equal(
            ("conv_in.weight", ParameterGroup.Decayed), ("conv_out.weight", ParameterGroup.Decayed),
                ("classes.weight", ParameterGroup.Decayed),
            ("conv_in.bias", ParameterGroup.Plain), ("time.bias", ParameterGroup.Plain), ("conv_out.bias", ParameterGroup.Plain),
            ("time.weight", ParameterGroup.Frozen));
        layout.Entries.Should().AllSatisfy(e => (e.Offset % 128).Should().Be(0));
        layout.DecayedLength.Should().Be(3 * 128);
        layout.TrainedLength.Should().Be(6 * 128);
        layout.Length.Should().Be(7 * 128);
    }

    [Fact]
    public void A_network_that_cannot_be_trained_is_refused_with_the_remedy()
    {
        using nn.Module<Tensor, Tensor> empty = nn.SiLU();
        using nn.Module<Tensor, Tensor> norm = nn.BatchNorm2d(2);
        using nn.Module<Tensor, Tensor> half = nn.Linear(2, 2, dtype: ScalarType.Float64);

        FluentActions.Invoking(() => FlatLayout.Of(empty)).Should().Throw<ArgumentException>().WithMessage("*RegisterComponents*");
        FluentActions.Invoking(() => FlatLayout.Of(norm)).Should().Throw<ArgumentException>().WithMessage("*buffers (running_mean*");
        FluentActions.Invoking(() => FlatLayout.Of(half)).Should().Throw<ArgumentException>().WithMessage("*Float64*float32*");
    }
}

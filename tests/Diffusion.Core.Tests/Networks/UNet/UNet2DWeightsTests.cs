using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Networks;

public sealed class UNet2DWeightsTests
{
    [Fact]
    public void Weights_go_through_a_file_into_another_network()
    {
        string path = Path.GetTempFileName();
        using UNet2D from = new(TinyUNet.Options, seed: 1);
        using UNet2D to = new(TinyUNet.Options, seed: 2);
        try
        {
            SafeTensorsFile.Write(path, from.NamedTensors());
            using SafeTensors file = SafeTensorsFile.Read(path);
            to.LoadWeights(file.Tensors);
        }
        finally
        {
            File.Delete(path);
        }

        Same(from, to).Should().BeTrue();
        to.parameters().Should().OnlyContain(p => p.requires_grad && p.is_leaf);
    }

    [Fact]
    public void Old_names_of_attention_weights_are_understood()
    {
        using UNet2D from = new(TinyUNet.Options, seed: 1);
        using UNet2D to = new(TinyUNet.Options, seed: 2);
        Dictionary<string, Tensor> old = from.NamedTensors().ToDictionary(
            t => t.Key.Replace(".to_q.", ".query.").Replace(".to_k.", ".key.").Replace(".to_v.", ".value.")
                .Replace(".to_out.0.", ".proj_attn."),
            t => t.Value);
        old.Keys.Should().Contain("mid_block.attentions.0.proj_attn.bias");
        to.LoadWeights(old);
        Same(from, to).Should().BeTrue();
    }

    [Fact]
    public void Half_precision_weights_are_converted()
    {
        using UNet2D from = new(TinyUNet.Options, seed: 1);
        using UNet2D to = new(TinyUNet.Options, seed: 2);
        from.to(bfloat16);
        to.LoadWeights(from.NamedTensors().ToDictionary(t => t.Key, t => t.Value));
        from.to(float32);
        Same(from, to).Should().BeTrue();
    }

    [Fact]
    public void Weights_that_do_not_fit_are_all_named_and_change_nothing()
    {
        using UNet2D unet = new(TinyUNet.Options, seed: 1);
        using UNet2D untouched = new(TinyUNet.Options, seed: 1);
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, Tensor> weights = unet.NamedTensors().ToDictionary(t => t.Key, t => zeros_like(t.Value));
        weights.Remove("conv_in.bias");
        weights["conv_out.weight"] = zeros(2, 4, 1, 1);
        weights["conv_out.bias"] = zeros(2, int64);
        weights["extra"] = zeros(1);
        weights["mid_block.attentions.0.query.bias"] = zeros(8);

        Action load = () => unet.LoadWeights(weights);

        string message = load.Should().Throw<ArgumentException>().Which.Message;
        message.Should().Contain("missing: conv_in.bias [4]")
            .And.Contain("wrong shape: conv_out.weight is [2, 4, 1, 1], but must be [2, 4, 3, 3]")
            .And.Contain("wrong dtype: conv_out.bias is Int64")
            .And.Contain("unexpected: extra")
            .And.Contain("more than one for mid_block.attentions.0.to_q.bias");
        message.Split("; ").Should().HaveCount(6);
        Same(unet, untouched).Should().BeTrue();
    }

    [Fact]
    public void Of_many_misfits_the_first_twenty_are_named_and_the_rest_counted()
    {
        using UNet2D unet = new(TinyUNet.Options);
        int rest = unet.NamedTensors().Count - 20;
        rest.Should().BePositive();
        Action load = () => unet.LoadWeights(new Dictionary<string, Tensor>());
        string message = load.Should().Throw<ArgumentException>().Which.Message;
        message.Should().EndWith($"; and {rest} more.");
        message.Split("missing: ").Should().HaveCount(21);
    }

    private static bool Same(UNet2D one, UNet2D two) =>
        one.NamedTensors().Zip(two.NamedTensors()).All(p => p.First.Value.bytes.SequenceEqual(p.Second.Value.bytes));
}

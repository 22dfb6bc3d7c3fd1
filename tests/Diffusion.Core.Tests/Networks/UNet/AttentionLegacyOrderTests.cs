using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Networks;

/// <summary>The attention of guided-diffusion's first models, which cuts heads before it takes queries, keys and values apart.</summary>
public sealed class AttentionLegacyOrderTests
{
    private static readonly UNet2DOptions Legacy = TinyUNet.Options with
    {
        BlockOutChannels = [4, 12], AttentionLegacyOrder = true, ResnetTimeScaleShift = TimeScaleShift.ScaleShift,
    };

    [Fact]
    public void The_block_computes_what_guided_diffusion_does()
    {
        const int Heads = 3;
        const int HeadChannels = 4;
        using Lock.Scope generator = GlobalGenerator.Hold(5);
        using DisposeScope scope = NewDisposeScope();
        using AttentionBlock block = new(Legacy, Heads * HeadChannels, groups: null, outputScale: 1, legacyOrder: true);
        Tensor x = randn(2, 12, 3, 5);

        // Of one projection to [B, 3 * C, pixels], each head takes 3 * headChannels channels in a row: its query, its key, its value.
        Tensor pixels = x.view(2, 12, 15);
        Tensor all = Project("to_q").add(0);
        all = cat([all, Project("to_k"), Project("to_v")], 1).reshape(2 * Heads, 3 * HeadChannels, 15);
        Tensor[] parts = all.split(HeadChannels, 1);
        Tensor scores = nn.functional.softmax(parts[0].transpose(1, 2)
            .bmm(parts[1]) / Math.Sqrt(HeadChannels), -1); // [B * heads, pixels, pixels]
        Tensor attended = parts[2].bmm(scores.transpose(1, 2)).reshape(2, 12, 15);
        Tensor expected = x + Projected("to_out.0", attended).view(2, 12, 3, 5);

        block.call(x).MaxDifference(expected).Should().BeLessThan(1e-5);
        using AttentionBlock plain = new(Legacy, 12, groups: null, outputScale: 1, legacyOrder: false);
        plain.load_state_dict(block.state_dict());
        plain.call(x).MaxDifference(expected).Should().BeGreaterThan(1e-2, "the order matters");

        Tensor Project(string layer) => Projected(layer, pixels);

        Tensor Projected(string layer, Tensor of) =>
            block.get_parameter($"{layer}.weight")!.unsqueeze(0).expand(2, -1, -1)
                .bmm(of) + block.get_parameter($"{layer}.bias")!.view(1, -1, 1);
    }

    [Fact]
    public void It_is_saved_in_the_order_that_every_diffusers_computes_in()
    {
        using TemporaryFolder temporary = new();
        string saved = Path.Combine(temporary.Path, "saved");
        using UNet2D unet = new(Legacy, seed: 3);
        DiffusersFolder.Save(saved, unet, new DiffusersScheduler { Schedule = NoiseSchedule.Linear() });
        using DiffusersModel back = DiffusersFolder.Load(saved);
        using DisposeScope scope = NewDisposeScope();

        File.ReadAllText(Path.Combine(saved, "unet", "config.json")).Should().NotContain("attention_legacy_order");
        back.UNet.Options.AttentionLegacyOrder.Should().BeFalse();
        back.UNet.NamedTensors().Select(t => t.Key).Should().Equal(unet.NamedTensors().Select(t => t.Key));
        Tensor x = randn(2, 2, 8, 8);
        Tensor t = tensor((long[])[3, 700]);
        back.UNet.Predict(x, t, Conditioning.None).MaxDifference(unet.Predict(x, t, Conditioning.None)).Should().BeLessThan(1e-5);
    }

    [Fact]
    public void A_configuration_of_a_converted_model_is_read()
    {
        UNet2DOptions options = UNet2DOptions.FromJson(
            """{"time_embedding_type":"adm","attention_legacy_order":true,"freq_shift":1,"flip_sin_to_cos":false"""
            + ""","attn_norm_num_groups":7,"norm_num_groups":32}""");

        options.AttentionLegacyOrder.Should().BeTrue();
        options.TimeEmbeddingType.Should().Be(TimeEmbeddingType.Positional);
        options.FreqShift.Should().Be(0);
        options.FlipSinToCos.Should().BeTrue();
        UNet2DOptions.FromJson(options.ToJson()).Should().Be(options);
        new UNet2DOptions().ToJson().Should().NotContain("attention_legacy_order");
    }
}

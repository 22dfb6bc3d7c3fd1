using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Networks;

/// <summary>Which networks with blocks named Skip can be built: exactly those that also run.</summary>
public sealed class UNet2DSkipRulesTests
{
    [Theory]
    [InlineData("Skip Skip", "Skip Skip", "8 16")]
    [InlineData("AttnSkip Skip", "Skip AttnSkip", "32 16")]
    [InlineData("AttnSkip AttnSkip", "AttnSkip AttnSkip", "32 64")]
    [InlineData("Skip Attn", "Attn Skip", "8 16")]
    [InlineData("Plain Skip", "Plain Skip", "8 16")]
    [InlineData("Skip Plain Skip", "Plain Skip Skip", "8 8 16")]
    [InlineData("Skip Skip Plain", "Skip Skip Skip", "12 8 8")]
    [InlineData("Skip Skip", "Skip Skip", "36 20")]
    public void A_network_that_can_be_built_runs_forward_and_back(string down, string up, string channels)
    {
        UNet2DOptions options = Options(down, up, channels);
        using UNet2D unet = new(options);
        using DisposeScope scope = NewDisposeScope();

        Tensor answer = unet.Predict(randn(2, 3, 8, 8), tensor((long[])[1, 700]), Conditioning.None);
        answer.square().sum().backward();

        answer.shape.Should().Equal(2, 3, 8, 8);
        unet.named_parameters().Should().OnlyContain(p => p.parameter.grad!.isfinite().all().item<bool>());
    }

    [Theory]
    [InlineData("Plain Skip Plain", "Plain Plain Plain", "8 8 8", 3, 3, "down_block_types has DownBlock2D, SkipDownBlock2D",
        "above a block named Skip")]
    [InlineData("Plain Plain Plain", "Skip Plain Plain", "8 8 8", 3, 3, "up_block_types has SkipUpBlock2D",
        "after the first block named Skip")]
    [InlineData("Skip Plain", "Plain Plain", "8 8", 1, 1, "in_channels is 1", "must be 3")]
    [InlineData("Plain Plain", "AttnSkip Skip", "32 32", 4, 4, "out_channels is 4", "must be 3")]
    [InlineData("AttnSkip Plain", "Plain Plain", "48 32", 3, 3, "AttnSkipDownBlock2D 48 channels", "32 groups")]
    [InlineData("Plain Plain", "Plain AttnSkip", "8 32", 3, 3, "AttnSkipUpBlock2D 8 channels", "32 groups")]
    [InlineData("Skip Plain", "Plain Plain", "2 4", 3, 3, "SkipDownBlock2D 2 channels", "at least 4")]
    [InlineData("Skip Plain", "Plain Plain", "132 32", 3, 3, "SkipDownBlock2D 132 channels", "32 groups")]
    [InlineData("Plain Skip", "Skip Skip", "6 16", 3, 3, "block_out_channels has 6", "multiples of norm_num_groups (4)")]
    public void A_network_that_cannot_run_is_refused_by_name(string down, string up, string channels, int inputs, int outputs, string what,
        string expected)
    {
        UNet2DOptions options = Options(down, up, channels) with { InChannels = inputs, OutChannels = outputs };

        options.Problems().Should().Contain(problem => problem.Contains(what, StringComparison.Ordinal)
            && problem.Contains(expected, StringComparison.Ordinal));
    }

    [Fact]
    public void The_coarsest_level_looks_at_no_images_so_channels_are_free()
    {
        UNet2DOptions options = Options("Skip", "Skip", "8") with { InChannels = 1, OutChannels = 2 };
        using UNet2D unet = new(options);
        using Tensor answer = unet.Predict(ones(1, 1, 5, 7), zeros(1, int64), Conditioning.None);
        answer.shape.Should().Equal(1, 2, 5, 7);
    }

    private static UNet2DOptions Options(string down, string up, string channels) => new()
    {
        BlockOutChannels = [.. channels.Split(' ').Select(int.Parse)],
        DownBlockTypes = [.. down.Split(' ').Select(name => Enum.Parse<DownBlockType>(Prefix(name) + "DownBlock2D"))],
        UpBlockTypes = [.. up.Split(' ').Select(name => Enum.Parse<UpBlockType>(Prefix(name) + "UpBlock2D"))],
        NormNumGroups = 4,
        AttentionHeadDim = 8,
    };

    private static string Prefix(string name) => name == "Plain" ? string.Empty : name;
}

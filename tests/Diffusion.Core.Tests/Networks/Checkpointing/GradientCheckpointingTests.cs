using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Networks;

/// <summary>Layers that are computed once more in the backward pass.</summary>
public sealed class GradientCheckpointingTests
{
    private static readonly UNet2DOptions Deep = TinyUNet.Options with { BlockOutChannels = [8, 12], LayersPerBlock = 2 };

    public static TheoryData<UNet2DOptions> Networks =>
    [
        TinyUNet.Options,
        Deep,
        Deep with { NumClassEmbeds = 3, Dropout = 0.4 },
        Deep with { ResnetTimeScaleShift = TimeScaleShift.ScaleShift, ActFn = Activation.Mish, Dropout = 0.1,
            TimeEmbeddingType = TimeEmbeddingType.Fourier },
        Deep with
        {
            DownBlockTypes = [DownBlockType.ResnetDownsampleBlock2D, DownBlockType.AttnDownBlock2D],
            UpBlockTypes = [UpBlockType.AttnUpBlock2D, UpBlockType.ResnetUpsampleBlock2D],
            UpsampleType = ResamplingType.Resnet,
        },
        Deep with
        {
            DownBlockTypes = [DownBlockType.AttnDownBlock2D, DownBlockType.DownBlock2D],
            UpBlockTypes = [UpBlockType.UpBlock2D, UpBlockType.AttnUpBlock2D],
            DownsampleType = ResamplingType.Resnet,
            DownsamplePadding = 0,
            MidBlockScaleFactor = 2,
        },
        Deep with { HasMidBlock = false, ActFn = Activation.Relu },
        Deep with
        {
            InChannels = 3,
            OutChannels = 3,
            BlockOutChannels = [32, 64],
            DownBlockTypes = [DownBlockType.AttnSkipDownBlock2D, DownBlockType.SkipDownBlock2D],
            UpBlockTypes = [UpBlockType.SkipUpBlock2D, UpBlockType.AttnSkipUpBlock2D],
            Dropout = 0.3,
        },
        Deep with
        {
            InChannels = 3,
            OutChannels = 3,
            BlockOutChannels = [32, 32],
            DownBlockTypes = [DownBlockType.SkipDownBlock2D, DownBlockType.AttnSkipDownBlock2D],
            UpBlockTypes = [UpBlockType.AttnSkipUpBlock2D, UpBlockType.SkipUpBlock2D],
            TimeEmbeddingType = TimeEmbeddingType.Learned,
            NumTrainTimesteps = 1000,
            AttentionLegacyOrder = true,
        },
        Deep with { AddAttention = false, ActFn = Activation.Gelu, Dropout = 0.5 },
    ];

    [Theory]
    [MemberData(nameof(Networks), DisableDiscoveryEnumeration = true)]
    public void Every_number_is_the_same_as_without(UNet2DOptions options)
    {
        using UNet2D unet = new(options, seed: 5);

        Dictionary<string, byte[]> plain = Pass(unet, ofImages: true);
        unet.GradientCheckpointing = GradientCheckpointing.All;
        Dictionary<string, byte[]> checkpointed = Pass(unet, ofImages: true);

        Same(checkpointed, plain);
        plain.Should().HaveCountGreaterThan(20);
    }

    [Theory]
    [MemberData(nameof(Networks), DisableDiscoveryEnumeration = true)]
    public void Gradients_are_the_same_whichever_blocks_are_recomputed(UNet2DOptions options)
    {
        using UNet2D unet = new(options, seed: 5);
        Dictionary<string, byte[]> plain = Pass(unet, ofImages: true);

        unet.GradientCheckpointing = GradientCheckpointing.Attention;
        Same(Pass(unet, ofImages: true), plain);
        foreach (int remainder in (int[])[0, 1])
        {
            unet.Recompute(Enumerable.Range(0, 40).Where(number => number % 2 == remainder).ToHashSet());
            Same(Pass(unet, ofImages: true), plain);
        }
    }

    [Fact]
    public void Only_the_chosen_blocks_are_recomputed()
    {
        using UNet2D unet = new(Deep with
        {
            DownBlockTypes = [DownBlockType.ResnetDownsampleBlock2D, DownBlockType.AttnDownBlock2D],
            UpBlockTypes = [UpBlockType.AttnUpBlock2D, UpBlockType.UpBlock2D],
            UpsampleType = ResamplingType.Resnet,
        });
        string[] order =
        [
            "down_blocks.0.resnets.0", "down_blocks.0.resnets.1", "down_blocks.0.downsamplers.0", "down_blocks.1.resnets.0",
            "down_blocks.1.resnets.1", "mid_block.resnets.0", "mid_block.resnets.1", "up_blocks.0.resnets.0", "up_blocks.0.resnets.1",
            "up_blocks.0.resnets.2", "up_blocks.0.upsamplers.0", "up_blocks.1.resnets.0", "up_blocks.1.resnets.1", "up_blocks.1.resnets.2",
        ];
        Dictionary<string, int> calls = order.ToDictionary(name => name, _ => 0);
        foreach (string name in order)
        {
            GroupNorm norm = (GroupNorm)unet.named_modules().Single(module => module.name == $"{name}.norm1").module;
            norm.register_forward_hook((_, _, answer) =>
            {
                calls[name]++;
                return answer;
            });
        }

        unet.GradientCheckpointing = GradientCheckpointing.Attention;
        RunTwice().Should().Equal(
            "down_blocks.1.resnets.0", "down_blocks.1.resnets.1", "mid_block.resnets.0", "up_blocks.0.resnets.0", "up_blocks.0.resnets.1",
            "up_blocks.0.resnets.2");
        unet.Recompute(new HashSet<int> { 2, 6, 10, 13 });
        RunTwice().Should().Equal("down_blocks.0.downsamplers.0", "mid_block.resnets.1", "up_blocks.0.upsamplers.0",
            "up_blocks.1.resnets.2");
        unet.GradientCheckpointing = GradientCheckpointing.None;
        RunTwice().Should().BeEmpty();

        IEnumerable<string> RunTwice()
        {
            Array.ForEach(order, name => calls[name] = 0);
            Pass(unet, ofImages: false);
            return [.. order.Where(name => calls[name] == 2)];
        }
    }

    [Fact]
    public void What_a_network_cannot_choose_is_refused()
    {
        using UNet2D unet = new(TinyUNet.Options);
        using UNet2D plain = new(TinyUNet.Options with
        {
            AddAttention = false,
            DownBlockTypes = [.. TinyUNet.Options.DownBlockTypes.Select(_ => DownBlockType.DownBlock2D)],
            UpBlockTypes = [.. TinyUNet.Options.UpBlockTypes.Select(_ => UpBlockType.UpBlock2D)],
        });

        unet.Invoking(network => network.GradientCheckpointing = GradientCheckpointing.Fit).Should().Throw<ArgumentException>()
            .WithMessage("*Fit*TrainingOptions.GradientCheckpointing*");
        unet.CanRecompute(GradientCheckpointing.Attention).Should().BeTrue();
        plain.CanRecompute(GradientCheckpointing.Attention).Should().BeFalse("it has no attention");
        plain.CanRecompute(GradientCheckpointing.All).Should().BeTrue();
    }

    [Theory]
    [InlineData("conv_in")]
    [InlineData("conv_in|time_embedding")]
    [InlineData("conv_in|time_embedding|down_blocks")]
    [InlineData("up_blocks")]
    [InlineData("conv_out|conv_norm_out|up_blocks|mid_block")]
    public void Frozen_parts_get_no_gradient_and_the_others_the_same_as_without(string frozen)
    {
        using UNet2D unet = new(Deep, seed: 5);
        foreach ((string name, Parameter weights) in unet.named_parameters())
        {
            weights.requires_grad = !frozen.Split('|').Any(part => name.StartsWith(part, StringComparison.Ordinal));
        }

        Dictionary<string, byte[]> plain = Pass(unet, ofImages: false);
        unet.GradientCheckpointing = GradientCheckpointing.All;
        Dictionary<string, byte[]> checkpointed = Pass(unet, ofImages: false);

        Same(checkpointed, plain);
        plain.Keys.Should().NotContain(name => frozen.Split('|').Any(part => name.StartsWith(part, StringComparison.Ordinal)));
    }

    [Fact]
    public void Gradients_add_up_in_views_of_one_buffer()
    {
        using UNet2D unet = new(Deep, seed: 5);
        using DisposeScope scope = NewDisposeScope();
        Tensor plain = TwoPasses();
        unet.GradientCheckpointing = GradientCheckpointing.All;
        Tensor checkpointed = TwoPasses();

        checkpointed.bytes.ToArray().Should().Equal(plain.bytes.ToArray());
        checkpointed.abs().sum().item<float>().Should().BePositive();

        Tensor TwoPasses()
        {
            Parameter[] all = [.. unet.parameters()];
            Tensor flat = zeros(all.Sum(weights => weights.numel()));
            long at = 0;
            foreach (Parameter weights in all)
            {
                weights.grad = flat.narrow(0, at, weights.numel()).view(weights.shape);
                at += weights.numel();
            }

            Loss(unet, Images(unet)).backward();
            Loss(unet, Images(unet)).backward();
            return flat;
        }
    }

    [Fact]
    public void Dropout_draws_the_same_mask_again_and_leaves_the_generator_where_it_was()
    {
        using UNet2D unet = new(Deep with { Dropout = 0.5 }, seed: 5);
        using DisposeScope scope = NewDisposeScope();
        float[] plain = DrawAfterwards();
        unet.GradientCheckpointing = GradientCheckpointing.All;
        DrawAfterwards().Should().Equal(plain);

        float[] DrawAfterwards()
        {
            using Lock.Scope generator = GlobalGenerator.Hold(3);
            Tensor loss = Loss(unet, Images(unet));
            float[] between = [.. rand(2).data<float>()];
            loss.backward();
            return [.. between, .. rand(2).data<float>()];
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Layers_are_computed_again_only_in_a_backward_pass(bool needsGradient)
    {
        using UNet2D unet = new(TinyUNet.Options) { GradientCheckpointing = GradientCheckpointing.All };
        using DisposeScope scope = NewDisposeScope();
        int calls = 0;
        GroupNorm norm = (GroupNorm)unet.named_modules().Single(module => module.name == "down_blocks.0.resnets.0.norm1").module;
        norm.register_forward_hook((_, _, answer) =>
        {
            calls++;
            return answer;
        });
        unet.eval();

        using (needsGradient ? enable_grad() : no_grad())
        {
            Tensor loss = Loss(unet, Images(unet));
            calls.Should().Be(1);
            if (needsGradient)
            {
                loss.backward();
                calls.Should().Be(2);
            }
            else
            {
                loss.requires_grad.Should().BeFalse();
            }
        }
    }

    [Fact]
    public void A_network_that_needs_no_gradient_has_no_graph()
    {
        using UNet2D unet = new(TinyUNet.Options) { GradientCheckpointing = GradientCheckpointing.All };
        foreach (Parameter weights in unet.parameters())
        {
            weights.requires_grad = false;
        }

        using DisposeScope scope = NewDisposeScope();

        Loss(unet, Images(unet)).requires_grad.Should().BeFalse();
    }

    [Fact]
    public void A_twin_begins_without_it()
    {
        using UNet2D unet = new(TinyUNet.Options) { GradientCheckpointing = GradientCheckpointing.All };
        using IDiffusionModel twin = unet.CreateTwin();

        ((IGradientCheckpointing)twin).GradientCheckpointing.Should().Be(GradientCheckpointing.None);
        twin.Description.Should().Be(unet.Description);
    }

    private static void Same(Dictionary<string, byte[]> actual, Dictionary<string, byte[]> expected)
    {
        actual.Keys.Should().Equal(expected.Keys);
        foreach ((string name, byte[] bytes) in expected)
        {
            actual[name].AsSpan().SequenceEqual(bytes).Should().BeTrue(name);
        }
    }

    // The answer and every gradient, of the images as well where asked.
    private static Dictionary<string, byte[]> Pass(UNet2D unet, bool ofImages)
    {
        using Lock.Scope generator = GlobalGenerator.Hold(9);
        using DisposeScope scope = NewDisposeScope();
        foreach (Parameter weights in unet.parameters())
        {
            weights.grad = null;
        }

        Tensor images = Images(unet).requires_grad_(ofImages);
        Tensor loss = Loss(unet, images);
        loss.backward();
        Dictionary<string, byte[]> all = new(StringComparer.Ordinal) { ["loss"] = loss.bytes.ToArray() };
        IEnumerable<(string Name, Tensor Of)> tensors = unet.named_parameters().Select(p => (p.name, (Tensor)p.parameter))
            .Append(("images", images));
        foreach ((string name, Tensor of) in tensors)
        {
            if (of.grad is { } gradient)
            {
                all.Add(name, gradient.bytes.ToArray());
            }
        }

        return all;
    }

    private static Tensor Loss(UNet2D unet, Tensor images)
    {
        Conditioning classes = unet.ClassCount is null ? Conditioning.None : new Conditioning { ClassLabels = tensor((long[])[0, 2, 1]) };
        Tensor answer = unet.Predict(images, tensor((long[])[1, 40, 900]), classes);
        return (answer * answer).mean();
    }

    private static Tensor Images(UNet2D unet)
    {
        using Generator generator = new(11);
        return randn([3, unet.Options.InChannels, 16, 12], generator: generator);
    }
}

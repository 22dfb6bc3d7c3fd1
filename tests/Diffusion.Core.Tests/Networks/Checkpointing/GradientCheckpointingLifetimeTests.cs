using System.Runtime.InteropServices;
using Diffusion.TestKit;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Networks;

/// <summary>What gradient checkpointing leaves in memory, and what it does with errors.</summary>
public sealed class GradientCheckpointingLifetimeTests
{
    private static readonly UNet2DOptions Network = TinyUNet.Options with { Dropout = 0.2 };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Passes_with_and_without_a_backward_pass_leave_no_tensors_behind(bool goesBack)
    {
        using UNet2D unet = new(Network) { GradientCheckpointing = GradientCheckpointing.All };
        Step();
        long before = LiveTensors.Settle();
        for (int i = 0; i < 5; i++)
        {
            Step();
        }

        LiveTensors.OfProcess.Should().BeLessThanOrEqualTo(before);

        void Step()
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor loss = Loss(unet);
            if (goesBack)
            {
                loss.backward();
            }
        }
    }

    [Fact]
    public void A_backward_pass_outside_of_any_scope_leaves_one_layers_gradients_until_the_next_pass()
    {
        using UNet2D unet = new(Network) { GradientCheckpointing = GradientCheckpointing.All };
        Step();
        long before = LiveTensors.Settle();
        Step();
        Step();
        LiveTensors.OfProcess.Should().BeLessThanOrEqualTo(before);

        void Step()
        {
            Tensor loss;
            using (NewDisposeScope())
            {
                loss = Loss(unet).MoveToOuterDisposeScope();
            }

            using (loss)
            {
                loss.backward();
            }
        }
    }

    [Fact]
    public void The_answer_is_all_that_lands_in_the_callers_scope()
    {
        using UNet2D unet = new(Network) { GradientCheckpointing = GradientCheckpointing.All };
        using DisposeScope scope = NewDisposeScope();
        Tensor images = ones(2, 2, 8, 8);
        Tensor labels = zeros(2, int64);
        int before = scope.DisposablesCount;

        unet.Predict(images, labels, Conditioning.None);

        scope.DisposablesCount.Should().Be(before + 1);
    }

    [Fact]
    public void What_a_layer_kept_is_freed_when_it_has_been_computed_again()
    {
        using UNet2D unet = new(Network) { GradientCheckpointing = GradientCheckpointing.All };
        using DisposeScope scope = NewDisposeScope();
        List<long> live = [];
        foreach (string layer in (string[])["up_blocks.0.resnets.0", "up_blocks.0.resnets.1", "up_blocks.1.resnets.0",
            "up_blocks.1.resnets.1"])
        {
            Norm(unet, layer).register_forward_hook((_, _, answer) =>
            {
                live.Add(LiveTensors.OfProcess);
                return answer;
            });
        }

        LiveTensors.Settle();
        Loss(unet).backward();

        live.Should().HaveCount(8, "each layer is computed twice");
        live[5..].Should().OnlyContain(count => count <= live[4], "no layer's gradients are kept until the end");
    }

    [Theory]
    [InlineData("down_blocks.0.resnets.0")]
    [InlineData("mid_block.resnets.1")]
    [InlineData("up_blocks.1.resnets.1")]
    public void An_error_on_the_way_back_is_told_and_leaves_nothing_behind(string layer)
    {
        using UNet2D unet = new(Network) { GradientCheckpointing = GradientCheckpointing.All };
        int calls = 0;
        var hook = Norm(unet, layer).register_forward_hook((_, _, answer) => ++calls % 2 == 0
            ? throw new FormatException("broken")
            : answer);
        Fail();
        long before = LiveTensors.Settle();
        Fail();
        Fail();
        LiveTensors.OfProcess.Should().BeLessThanOrEqualTo(before);

        hook.remove();
        using (NewDisposeScope())
        {
            Loss(unet).backward();
        }

        unet.RecomputationFailure.Should().BeNull();

        void Fail()
        {
            using DisposeScope scope = NewDisposeScope();
            Action back = () => Loss(unet).backward();
            back.Should().Throw<ExternalException>().WithMessage("*invalid gradient*");
            unet.RecomputationFailure.Should().BeOfType<FormatException>().Which.Message.Should().Be("broken");
        }
    }

    [Fact]
    public void An_error_on_the_way_forward_is_thrown_and_leaves_nothing_behind()
    {
        using UNet2D unet = new(Network) { GradientCheckpointing = GradientCheckpointing.All };
        Norm(unet, "up_blocks.1.resnets.0").register_forward_hook((_, _, _) => throw new FormatException("broken"));
        Fail();
        long before = LiveTensors.Settle();
        Fail();
        Fail();
        LiveTensors.OfProcess.Should().BeLessThanOrEqualTo(before);

        void Fail()
        {
            using DisposeScope scope = NewDisposeScope();
            ((Action)(() => Loss(unet))).Should().Throw<FormatException>();
        }
    }

    [Fact]
    public void A_second_backward_pass_over_one_forward_pass_is_refused()
    {
        using UNet2D unet = new(Network) { GradientCheckpointing = GradientCheckpointing.All };
        using DisposeScope scope = NewDisposeScope();
        Tensor loss = Loss(unet);
        autograd.backward([loss], retain_graph: true);

        ((Action)(() => autograd.backward([loss]))).Should().Throw<ExternalException>();

        unet.RecomputationFailure.Should().BeOfType<InvalidOperationException>().Which.Message.Should()
            .Contain("second backward pass ran over one forward pass");
    }

    [Fact]
    public void A_switch_to_evaluation_between_forward_and_backward_is_refused()
    {
        using UNet2D unet = new(Network) { GradientCheckpointing = GradientCheckpointing.All };
        using DisposeScope scope = NewDisposeScope();
        Tensor loss = Loss(unet);
        unet.eval();

        ((Action)(() => loss.backward())).Should().Throw<ExternalException>();

        unet.RecomputationFailure!.Message.Should().Contain("between training and evaluation");
    }

    private static GroupNorm Norm(UNet2D unet, string layer) =>
        (GroupNorm)unet.named_modules().Single(module => module.name == $"{layer}.norm1").module;

    private static Tensor Loss(UNet2D unet)
    {
        using Lock.Scope generator = GlobalGenerator.Hold(2);
        return unet.Predict(ones(2, 2, 8, 8), zeros(2, int64), Conditioning.None).mean();
    }
}

using System.Runtime.InteropServices;
using Diffusion.TestKit;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Networks;

/// <summary>Gradient checkpointing of a block that is none of the U-Net's.</summary>
public sealed class GradientCheckpointsTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(0.4)]
    public void Gradients_of_any_block_equal_those_without_checkpointing(double dropout)
    {
        using TwoLayers network = new(dropout);

        byte[][] plain = network.Gradients();
        network.Checkpoints.Blocks = GradientCheckpointing.All;
        byte[][] checkpointed = network.Gradients();

        network.Runs.Should().Be(3, "the block runs once without checkpointing, and twice with it");
        checkpointed.Should().HaveCount(6);
        for (int i = 0; i < plain.Length; i++)
        {
            checkpointed[i].Should().Equal(plain[i]);
        }
    }

    [Fact]
    public void A_frozen_block_with_inputs_that_need_no_gradient_is_not_recomputed()
    {
        using TwoLayers network = new(dropout: 0);
        network.Checkpoints.Blocks = GradientCheckpointing.All;
        foreach (Parameter parameter in network.Modules.SelectMany(module => module.parameters()))
        {
            parameter.requires_grad = false;
        }

        using DisposeScope scope = NewDisposeScope();

        network.Call(ones(2, 3), ones(2, 3)).requires_grad.Should().BeFalse();
    }

    [Fact]
    public void Only_the_output_lands_in_the_callers_scope()
    {
        using TwoLayers network = new(dropout: 0);
        using DisposeScope scope = NewDisposeScope();
        Tensor first = ones(2, 3);
        Tensor second = ones(2, 3);
        int before = scope.DisposablesCount;

        network.Call(first, second);
        scope.DisposablesCount.Should().Be(before + 1);
        network.Checkpoints.Blocks = GradientCheckpointing.All;
        network.Call(first, second);
        scope.DisposablesCount.Should().Be(before + 2);
    }

    [Fact]
    public void An_error_in_the_backward_pass_is_kept_until_the_next_forward_pass()
    {
        using GradientCheckpoints checkpoints = new() { Blocks = GradientCheckpointing.All };
        using Linear layer = nn.Linear(3, 3);
        using DisposeScope scope = NewDisposeScope();
        int runs = 0;
        Tensor output = checkpoints.Call(Block, [ones(2, 3)], [layer]);

        ((Action)(() => output.sum().backward())).Should().Throw<ExternalException>();
        checkpoints.Failure.Should().BeOfType<FormatException>().Which.Message.Should().Be("broken");

        checkpoints.Call(Block, [ones(2, 3)], [layer]);
        checkpoints.Failure.Should().BeNull();

        Tensor Block(IReadOnlyList<Tensor> inputs) => ++runs == 2 ? throw new FormatException("broken") : layer.call(inputs[0]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_block_that_returns_its_input_is_refused(bool isEnabled)
    {
        using GradientCheckpoints checkpoints = new() { Blocks = isEnabled ? GradientCheckpointing.All : GradientCheckpointing.None };
        using DisposeScope scope = NewDisposeScope();
        Tensor input = ones(2, 3).requires_grad_();

        ((Action)(() => checkpoints.Call(inputs => inputs[0], [input], []))).Should().Throw<InvalidOperationException>()
            .WithMessage("*returned one of its inputs*clone()*");
        input.sum().item<float>().Should().Be(6, "the input is still the caller's");
    }

    [Fact]
    public void A_block_without_inputs_is_refused()
    {
        using GradientCheckpoints checkpoints = new();

        ((Action)(() => checkpoints.Call(_ => ones(1), [], []))).Should().Throw<ArgumentException>().WithMessage("*0 inputs*at least 1*");
    }

    private sealed class TwoLayers : IDisposable
    {
        private readonly Linear first;
        private readonly Linear second;
        private readonly Dropout dropout;

        public TwoLayers(double dropout)
        {
            using Lock.Scope generator = GlobalGenerator.Hold(1);
            first = nn.Linear(3, 5);
            second = nn.Linear(5, 2);
            this.dropout = nn.Dropout(dropout);
            Modules = [first, second, this.dropout];
        }

        public GradientCheckpoints Checkpoints { get; } = new();

        public nn.Module[] Modules { get; }

        public int Runs { get; private set; }

        public Tensor Call(Tensor a, Tensor b) => Checkpoints.Call(Block, [a, b], Modules, hasDropout: true);

        // Of both inputs and of the four parameters.
        public byte[][] Gradients()
        {
            using Lock.Scope generator = GlobalGenerator.Hold(2);
            using DisposeScope scope = NewDisposeScope();
            Tensor[] leaves = [randn(4, 3).requires_grad_(), randn(4, 3).requires_grad_(), .. Modules.SelectMany(m => m.parameters())];
            foreach (Tensor leaf in leaves)
            {
                leaf.grad = null;
            }

            Tensor output = Call(leaves[0], leaves[1]);
            (output * output).sum().backward();
            return [.. leaves.Select(leaf => leaf.grad!.bytes.ToArray())];
        }

        public void Dispose()
        {
            Checkpoints.Dispose();
            Array.ForEach(Modules, module => module.Dispose());
        }

        private Tensor Block(IReadOnlyList<Tensor> inputs)
        {
            Runs++;
            return second.call(nn.functional.silu(dropout.call(first.call(inputs[0] * inputs[1]))));
        }
    }
}

using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Networks;

public sealed class AttentionTests
{
    [Theory]
    [InlineData(2, 3, 16, 8)]
    [InlineData(1, 1, 49, 5)]
    public void Two_products_give_what_the_fused_kernel_gives(int images, int heads, int tokens, int channels)
    {
        using DisposeScope scope = NewDisposeScope();
        using Generator random = new(1);
        Tensor[] inputs = [.. Enumerable.Range(0, 3).Select(_ =>
            randn([images, tokens, heads, channels], generator: random).transpose(1, 2))];
        Tensor gradient = randn(inputs[0].shape, generator: random);

        Tensor[] products = Results(Attention.ByProducts);
        Tensor[] fused = Results((q, k, v) => nn.functional.scaled_dot_product_attention(q, k, v));

        products.Zip(fused).Should().AllSatisfy(pair => pair.First.allclose(pair.Second, 1e-4, 1e-5).Should().BeTrue());

        Tensor[] Results(Func<Tensor, Tensor, Tensor, Tensor> attend)
        {
            Tensor[] leaves = [.. inputs.Select(input => input.detach().requires_grad_())];
            Tensor output = attend(leaves[0], leaves[1], leaves[2]);
            output.backward([gradient]);
            return [output.detach(), .. leaves.Select(leaf => leaf.grad!)];
        }
    }

    [Theory]
    [InlineData(Precision.BFloat16, 256, true)]
    [InlineData(Precision.BFloat16, 257, false)]
    [InlineData(Precision.Float32, 64, false)]
    [InlineData(Precision.Float16, 64, false)]
    public void Products_are_for_few_tokens_in_bfloat16(Precision precision, long tokens, bool expected) =>
        Attention.IsByProducts(precision, tokens).Should().Be(expected);
}

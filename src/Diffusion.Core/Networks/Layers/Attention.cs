using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>softmax(Q K^T / sqrt(channels)) V (Vaswani et al. 2017, equation 1).</summary>
internal static class Attention
{
    /// <summary>
    /// The most tokens for two products on a CPU. Up to here libtorch's fused kernel is slower, in bfloat16 two to seven times; beyond, it
    /// is up to eight times faster, as it never holds all pairs of tokens (docs/benchmarks.md has the table).
    /// </summary>
    public const int MaxTokensOfProducts = 256;

    /// <summary>Attends; each <c>[B, heads, tokens, channels]</c>, and so is the result, which belongs to the caller.</summary>
    public static Tensor Of(Tensor query, Tensor key, Tensor value) =>
        query.device_type == DeviceType.CPU && query.shape[2] <= MaxTokensOfProducts
            ? ByProducts(query, key, value)
            : nn.functional.scaled_dot_product_attention(query, key, value);

    private static Tensor ByProducts(Tensor query, Tensor key, Tensor value)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor scores = bmm(Matrices(query), Matrices(key).transpose(1, 2)); // [B * heads, tokens, tokens]
        Tensor weights = SoftmaxFunction.Apply(scores, 1 / Math.Sqrt(query.shape[3]));
        return bmm(weights, Matrices(value)).view(query.shape).MoveToOuterDisposeScope();
    }

    // [B * heads, tokens, channels]
    private static Tensor Matrices(Tensor heads) => heads.reshape(-1, heads.shape[2], heads.shape[3]);
}

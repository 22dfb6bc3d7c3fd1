using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>softmax(Q K^T / sqrt(channels)) V (Vaswani et al. 2017, equation 1).</summary>
internal static class Attention
{
    private const int MaxTokensOfProducts = 256;

    /// <summary>Attends; each <c>[B, heads, tokens, channels]</c>, and so is the result, which belongs to the caller.</summary>
    public static Tensor Of(Tensor query, Tensor key, Tensor value) =>
        query.device_type == DeviceType.CPU && query.dtype == ScalarType.BFloat16 && IsByProducts(Precision.BFloat16, query.shape[2])
            ? ByProducts(query, key, value)
            : nn.functional.scaled_dot_product_attention(query, key, value);

    /// <summary>
    /// Whether a CPU attends by two products. In bfloat16 libtorch's fused kernel takes 1.7 to 6 times as long up to 256 tokens, where the
    /// processor multiplies in bfloat16; beyond, it never holds all pairs of tokens. In float32 it is not clearly slower
    /// (<c>benchmarks attention</c>).
    /// </summary>
    /// <param name="precision">What the network computes in.</param>
    /// <param name="tokens">The number of tokens.</param>
    public static bool IsByProducts(Precision precision, long tokens) =>
        precision == Precision.BFloat16 && tokens <= MaxTokensOfProducts;

    /// <summary>Attends by two products with a softmax between, which holds the weights of all pairs of tokens.</summary>
    public static Tensor ByProducts(Tensor query, Tensor key, Tensor value)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor scaled = Matrices(query).Times(1 / Math.Sqrt(query.shape[3]));
        Tensor scores = bmm(scaled, Matrices(key).transpose(1, 2)); // [B * heads, tokens, tokens]
        return bmm(scores.softmax(2), Matrices(value)).view(query.shape).MoveToOuterDisposeScope();
    }

    // [B * heads, tokens, channels]
    private static Tensor Matrices(Tensor heads) => heads.reshape(-1, heads.shape[2], heads.shape[3]);
}

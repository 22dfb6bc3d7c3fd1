using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Diffusion.Benchmarks;

/// <summary>A residual block with a time embedding, as a user of TorchSharp alone writes it.</summary>
internal sealed class PlainResidual : Module<Tensor, Tensor, Tensor>
{
    private readonly GroupNorm norm1;
    private readonly Conv2d conv1;
    private readonly Linear time;
    private readonly GroupNorm norm2;
    private readonly Conv2d conv2;
    private readonly Module<Tensor, Tensor> skip;

    public PlainResidual(int inputs, int outputs, int timeChannels)
        : base(nameof(PlainResidual))
    {
        norm1 = GroupNorm(32, inputs);
        conv1 = Conv2d(inputs, outputs, 3, padding: 1);
        time = Linear(timeChannels, outputs);
        norm2 = GroupNorm(32, outputs);
        conv2 = Conv2d(outputs, outputs, 3, padding: 1);
        skip = inputs == outputs ? Identity() : Conv2d(inputs, outputs, 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x, Tensor embedding)
    {
        Tensor h = conv1.call(functional.silu(norm1.call(x))) + time.call(functional.silu(embedding)).unsqueeze(-1).unsqueeze(-1);
        return skip.call(x) + conv2.call(functional.silu(norm2.call(h)));
    }
}

/// <summary>Self-attention between all pixels.</summary>
internal sealed class PlainAttention : Module<Tensor, Tensor>
{
    private readonly int heads;
    private readonly GroupNorm norm;
    private readonly Linear query;
    private readonly Linear key;
    private readonly Linear value;
    private readonly Linear output;

    public PlainAttention(int channels, int headChannels)
        : base(nameof(PlainAttention))
    {
        heads = channels / headChannels;
        norm = GroupNorm(32, channels);
        query = Linear(channels, channels);
        key = Linear(channels, channels);
        value = Linear(channels, channels);
        output = Linear(channels, channels);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        long batch = x.shape[0];
        Tensor tokens = norm.call(x).flatten(2).transpose(1, 2);
        Tensor attended = functional.scaled_dot_product_attention(Heads(query), Heads(key), Heads(value));
        return x + output.call(attended.transpose(1, 2).reshape(batch, -1, x.shape[1])).transpose(1, 2).reshape(x.shape);

        Tensor Heads(Linear projection) => projection.call(tokens).view(batch, -1, heads, x.shape[1] / heads).transpose(1, 2);
    }
}

using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>Group normalisation (Wu and He 2018) with PyTorch's initial values: weights 1 and biases 0.</summary>
internal static class GroupNormalization
{
    /// <summary>A new layer.</summary>
    public static GroupNorm Create(int groups, int channels, double epsilon)
    {
        // TorchSharp leaves both uninitialised.
        GroupNorm norm = nn.GroupNorm(groups, channels, epsilon);
        nn.init.ones_(norm.weight);
        nn.init.zeros_(norm.bias);
        return norm;
    }

    /// <summary>Normalises <c>[B, C, H, W]</c>; the result belongs to the caller.</summary>
    public static Tensor Apply(this GroupNorm norm, Tensor x) =>
        GroupNormFunction.Fits(x) ? GroupNormFunction.Apply(x, norm, activates: false) : norm.call(x);

    /// <summary>Normalises <c>[B, C, H, W]</c> and applies an activation; the result belongs to the caller.</summary>
    public static Tensor Apply(this GroupNorm norm, Tensor x, Activation activation)
    {
        if (activation == Activation.Silu && GroupNormFunction.Fits(x))
        {
            return GroupNormFunction.Apply(x, norm, activates: true);
        }

        using Tensor normalised = norm.Apply(x);
        return activation.Apply(normalised);
    }
}

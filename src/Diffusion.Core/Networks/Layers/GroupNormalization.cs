using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>Group normalization (Wu and He 2018) with PyTorch's initial values: weights 1 and biases 0.</summary>
internal static class GroupNormalization
{
    /// <summary>A new layer.</summary>
    public static GroupNorm Create(int groups, int channels, double epsilon)
    {
        // TorchSharp leaves both uninitialized.
        GroupNorm norm = nn.GroupNorm(groups, channels, epsilon);
        nn.init.ones_(norm.weight);
        nn.init.zeros_(norm.bias);
        return norm;
    }
}

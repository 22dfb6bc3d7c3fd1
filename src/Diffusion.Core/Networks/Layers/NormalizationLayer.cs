using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// Group normalisation (Wu and He 2018), and the activation that follows it, if any. Its parameters are those of PyTorch's
/// <c>GroupNorm</c>: weights, at first 1, and biases, at first 0.
/// </summary>
internal sealed class NormalizationLayer : nn.Module<Tensor, Tensor>
{
    private readonly Activation? activation;

    // module.to() makes new parameters, and sets the fields of their names.
    private readonly Parameter weight;
    private readonly Parameter bias;

    /// <summary>Creates the parameters.</summary>
    /// <param name="groups">Groups of neighbouring channels; a divisor of the channels.</param>
    /// <param name="channels">Channels of the images.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="activation">What follows; null for nothing.</param>
    public NormalizationLayer(int groups, int channels, double epsilon, Activation? activation = null)
        : base(nameof(NormalizationLayer))
    {
        Groups = groups;
        Epsilon = epsilon;
        this.activation = activation;
        register_parameter(nameof(weight), weight = new Parameter(ones(channels)));
        register_parameter(nameof(bias), bias = new Parameter(zeros(channels)));
    }

    /// <summary>Groups of channels.</summary>
    public int Groups { get; }

    /// <summary>Added to the variance.</summary>
    public double Epsilon { get; }

    /// <summary>The weight of each channel.</summary>
    public Parameter Weight => weight;

    /// <summary>The bias of each channel.</summary>
    public Parameter Bias => bias;

    /// <summary><c>[B, C, H, W]</c> to the same.</summary>
    public override Tensor forward(Tensor x)
    {
        if (GroupNormFunction.Fits(x) && activation is null or Activation.Silu)
        {
            return GroupNormFunction.Apply(x, this, activates: activation is not null);
        }

        Tensor normalised = nn.functional.group_norm(x, Groups, weight, bias, Epsilon);
        if (activation is not { } following)
        {
            return normalised;
        }

        using (normalised)
        {
            return following.Apply(normalised);
        }
    }

    /// <summary>The parameters are registered in the constructor.</summary>
    protected override void RegisterComponents()
    {
    }
}

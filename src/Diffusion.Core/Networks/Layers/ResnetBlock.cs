using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// A residual block (He et al. 2016; Ho et al. 2020, appendix B): normalize, activate, convolve, twice, with the time embedding
/// between, added to the input. With resampling it also changes the size of the images (Brock et al. 2019, BigGAN).
/// </summary>
internal sealed class ResnetBlock : nn.Module<Tensor, Tensor, Tensor, Tensor>
{
    private readonly GroupNorm norm1;
    private readonly Conv2d conv1;
    private readonly Linear timeProjection;
    private readonly GroupNorm norm2;
    private readonly Conv2d conv2;
    private readonly Conv2d? shortcut;
    private readonly Activation activation;
    private readonly Resampling resampling;
    private readonly bool scalesAndShifts;
    private readonly double dropout;
    private readonly double outputScale;

    public ResnetBlock(
        UNet2DOptions options, int inChannels, int outChannels, Resampling resampling = Resampling.None, double outputScale = 1)
        : this(options, (inChannels, outChannels), (options.NormNumGroups, options.NormNumGroups), resampling, outputScale,
            projects: inChannels != outChannels)
    {
    }

    private ResnetBlock(
        UNet2DOptions options,
        (int In, int Out) channels,
        (int In, int Out) groups,
        Resampling resampling,
        double outputScale,
        bool projects)
        : base(nameof(ResnetBlock))
    {
        (int inChannels, int outChannels) = channels;
        activation = options.ActFn;
        scalesAndShifts = options.ResnetTimeScaleShift == TimeScaleShift.ScaleShift;
        dropout = options.Dropout;
        this.resampling = resampling;
        this.outputScale = outputScale;
        int timeOutputs = scalesAndShifts ? 2 * outChannels : outChannels;
        register_module("norm1", norm1 = GroupNormalization.Create(groups.In, inChannels, options.NormEps));
        register_module("conv1", conv1 = nn.Conv2d(inChannels, outChannels, 3, padding: 1));
        register_module("time_emb_proj", timeProjection = nn.Linear(options.TimeChannels, timeOutputs));
        register_module("norm2", norm2 = GroupNormalization.Create(groups.Out, outChannels, options.NormEps));
        register_module("conv2", conv2 = nn.Conv2d(outChannels, outChannels, 3, padding: 1));
        if (projects)
        {
            register_module("conv_shortcut", shortcut = nn.Conv2d(inChannels, outChannels, 1));
        }
    }

    /// <summary>Whether it draws from the global generator in training mode.</summary>
    public bool HasDropout => dropout > 0;

    /// <summary>A block of <see cref="SkipDownBlock"/> or <see cref="SkipUpBlock"/>.</summary>
    /// <param name="options">The options of the network.</param>
    /// <param name="inChannels">Channels that come in.</param>
    /// <param name="outChannels">Channels that go out.</param>
    /// <param name="resampling">What it does to the size of its images.</param>
    /// <param name="groups">Groups of the first normalization; null for those that fit its channels.</param>
    public static ResnetBlock OfSkipBlock(
        UNet2DOptions options, int inChannels, int outChannels, Resampling resampling = Resampling.None, int? groups = null) => new(
        options,
        (inChannels, outChannels),
        (groups ?? SkipBlocks.Groups(inChannels), SkipBlocks.Groups(outChannels)),
        resampling,
        SkipBlocks.OutputScale,
        projects: inChannels != outChannels || resampling != Resampling.None);

    /// <summary>
    /// Images <c>[B, inChannels, H, W]</c> and the activated time embedding <c>[B, D]</c> to <c>[B, outChannels, H', W']</c>.
    /// </summary>
    /// <param name="x">The images that are convolved.</param>
    /// <param name="summand">The same images, to which the result is added; another tensor where each needs its own gradient.</param>
    /// <param name="condition">The activated time embedding.</param>
    public override Tensor forward(Tensor x, Tensor summand, Tensor condition)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor time = timeProjection.call(condition).unsqueeze(-1).unsqueeze(-1); // [B, outChannels or twice that, 1, 1]
        Tensor residual = FirstHalf(x);
        Tensor normalized;
        if (scalesAndShifts)
        {
            Tensor[] parts = time.chunk(2, 1); // scale and shift, each [B, outChannels, 1, 1]
            using Tensor plain = norm2.call(residual);
            using Scalar one = 1.ToScalar();
            normalized = addcmul(parts[1], plain, parts[0].Plus(1), one);
        }
        else
        {
            // In place: a convolution's gradient does not need its result.
            normalized = norm2.call(residual.Increase(time));
        }

        residual.Dispose();
        Tensor sum = SecondHalf(normalized).Increase(Shortcut(summand));
        return (outputScale == 1 ? sum : sum.DivideBy(outputScale)).MoveToOuterDisposeScope();
    }

    /// <summary>The layers are registered in the constructor.</summary>
    protected override void RegisterComponents()
    {
    }

    private Tensor FirstHalf(Tensor x)
    {
        using Tensor normalized = norm1.call(x);
        using Tensor activated = activation.Apply(normalized);
        if (resampling == Resampling.None)
        {
            return conv1.call(activated);
        }

        using Tensor resampled = resampling.Apply(activated);
        return conv1.call(resampled);
    }

    private Tensor SecondHalf(Tensor normalized)
    {
        using (normalized)
        {
            using Tensor activated = activation.Apply(normalized);
            if (!training || !HasDropout)
            {
                return conv2.call(activated);
            }

            using Tensor dropped = nn.functional.dropout(activated, dropout, training: true);
            return conv2.call(dropped);
        }
    }

    private Tensor Shortcut(Tensor x)
    {
        Tensor resampled = resampling == Resampling.None ? x : resampling.Apply(x);
        return shortcut is null ? resampled : shortcut.call(resampled);
    }
}

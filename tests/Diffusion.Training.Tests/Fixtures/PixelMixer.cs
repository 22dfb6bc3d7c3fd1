using Diffusion.TestKit;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests;

/// <summary>
/// A network for gray images of 8 x 8 without convolutions, which libtorch computes wrongly in 16 bits on some processors: two linear
/// layers over the pixels, with normalization and attention between them, which can be recomputed.
/// </summary>
internal sealed class PixelMixer : nn.Module<Tensor, Tensor, Tensor>, IDiffusionModel, IGradientCheckpointing
{
    private const int Side = 8;
    private const int Groups = 4;

    private readonly long seed;
    private readonly Linear first;
    private readonly GroupNorm norm;
    private readonly Linear query;
    private readonly Linear last;
    private readonly GradientCheckpoints checkpoints = new();

    public PixelMixer(long seed)
        : base(nameof(PixelMixer))
    {
        TorchBackend.EnsureLoaded();
        this.seed = seed;
        using (GlobalGenerator.Hold(seed))
        {
            first = nn.Linear((Side * Side) + 1, Side * Side);
            norm = nn.GroupNorm(Groups, Side);
            query = nn.Linear(Side, Side);
            last = nn.Linear(Side * Side, Side * Side);
        }

        nn.init.ones_(norm.weight);
        nn.init.zeros_(norm.bias);
        RegisterComponents();
    }

    public nn.Module Network => this;

    public ImageShape? SampleShape => new(1, Side, Side);

    public int? ClassCount => null;

    public bool HasDropout => false;

    public string Description => nameof(PixelMixer);

    public GradientCheckpointing GradientCheckpointing
    {
        get => checkpoints.Blocks;
        set => checkpoints.Blocks = value;
    }

    public Exception? RecomputationFailure => checkpoints.Failure;

    public Tensor Predict(Tensor noisy, Tensor labels, Conditioning conditioning) => call(noisy, labels);

    public IDiffusionModel CreateTwin() => new PixelMixer(seed + 1);

    public IReadOnlyList<string> Problems(ImageShape shape, INoiseSchedule schedule) => [];

    public override Tensor forward(Tensor noisy, Tensor labels)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor time = labels.to(ScalarType.Float32).div(1000).to(noisy.dtype).view(-1, 1);
        Tensor features = nn.functional.silu(first.call(cat([noisy.flatten(1), time], 1))).view(-1, Side, Side);
        return last.call(Mix(features).flatten(1)).view(noisy.shape).MoveToOuterDisposeScope();
    }

    private Tensor Mix(Tensor features) => checkpoints.Call(
        inputs =>
        {
            Tensor normed = norm.call(inputs[0]);
            return normed + nn.functional.scaled_dot_product_attention(query.call(normed), normed, normed);
        },
        [features],
        [norm, query]);
}

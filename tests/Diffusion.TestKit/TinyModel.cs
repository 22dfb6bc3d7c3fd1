using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.TestKit;

/// <summary>A minimal network that learns: two convolutions, with the timestep and the class added between them.</summary>
public sealed class TinyModel : nn.Module<Tensor, Tensor, Tensor?, Tensor>, IDiffusionModel
{
    private readonly int channels;
    private readonly int hidden;
    private readonly double dropoutProbability;
    private readonly long seed;
    private readonly Conv2d convIn;
    private readonly Conv2d convOut;
    private readonly Linear time;
    private readonly Embedding? classes;
    private readonly Dropout? dropout;

    public TinyModel(int channels = 1, int hidden = 8, int? classCount = null, double dropoutProbability = 0, long seed = 1)
        : base(nameof(TinyModel))
    {
        TorchBackend.EnsureLoaded();
        this.channels = channels;
        this.hidden = hidden;
        this.dropoutProbability = dropoutProbability;
        this.seed = seed;
        ClassCount = classCount;
        using (GlobalGenerator.Hold(seed))
        {
            convIn = nn.Conv2d(channels, hidden, 3, padding: 1);
            convOut = nn.Conv2d(hidden, channels, 3, padding: 1);
            time = nn.Linear(1, hidden);
            classes = classCount is { } count ? nn.Embedding(count, hidden) : null;
            dropout = dropoutProbability > 0 ? nn.Dropout(dropoutProbability) : null;
        }

        register_module("conv_in", convIn);
        register_module("time", time);
        register_module("conv_out", convOut);
        if (classes is not null)
        {
            register_module("classes", classes);
        }

        if (dropout is not null)
        {
            register_module("dropout", dropout);
        }
    }

    public nn.Module Network => this;

    public ImageShape? SampleShape => null; // a convolution accepts every size

    public int? ClassCount { get; }

    public bool HasDropout => dropout is not null;

    public string Description => $"tiny(channels: {channels}, hidden: {hidden}, classes: {ClassCount}, dropout: {dropoutProbability})";

    /// <summary>The types of the labels of all calls, newest last.</summary>
    public List<ScalarType> LabelTypes { get; } = [];

    public Tensor Predict(Tensor noisy, Tensor labels, Conditioning conditioning)
    {
        LabelTypes.Add(labels.dtype);
        return call(noisy, labels, conditioning.ClassLabels);
    }

    public IDiffusionModel CreateTwin()
    {
        TinyModel twin = new(channels, hidden, ClassCount, dropoutProbability, seed + 1);
        twin.to(convIn.weight.device);
        return twin;
    }

    public IReadOnlyList<string> Problems(ImageShape shape, INoiseSchedule schedule) =>
        shape.Channels == channels ? [] : [$"Images have {shape.Channels} channels, but the model takes {channels}."];

    public override Tensor forward(Tensor noisy, Tensor labels, Tensor? classLabels)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor embedding = time.call(labels.to(ScalarType.Float32).div(1000).unsqueeze(1)); // [B, H]
        if (classes is not null)
        {
            embedding = embedding + classes.call(classLabels!);
        }

        Tensor features = convIn.call(noisy) + embedding.unsqueeze(-1).unsqueeze(-1);
        features = nn.functional.silu(features);
        if (dropout is not null)
        {
            features = dropout.call(features);
        }

        return convOut.call(features).MoveToOuterDisposeScope();
    }
}

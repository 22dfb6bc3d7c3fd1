using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Diffusion;

/// <summary>What the blocks of a <see cref="UNet2D"/> are conditioned on: the embedded noise level, plus the embedded class.</summary>
/// <remarks>Not a module itself, as the weights of its layers have names of the network's top level.</remarks>
internal sealed class UNet2DEmbedding
{
    private readonly UNet2DOptions options;
    private readonly Module<Tensor, Tensor> projection;
    private readonly TimeEmbedding time;
    private readonly Module<Tensor, Tensor>? classes;

    private UNet2DEmbedding(UNet2DOptions options, Module<Tensor, Tensor> projection, TimeEmbedding time, Module<Tensor, Tensor>? classes)
    {
        this.options = options;
        this.projection = projection;
        this.time = time;
        this.classes = classes;
    }

    /// <summary>Creates the layers, which the network owns, in the order in which diffusers draws their weights.</summary>
    public static UNet2DEmbedding Create(UNet2DOptions options) => new(
        options,
        options.TimeEmbeddingType switch
        {
            TimeEmbeddingType.Fourier => new FourierEmbedding(options.BlockOutChannels[0]),
            TimeEmbeddingType.Learned => Embedding(options.NumTrainTimesteps!.Value, options.BlockOutChannels[0]),
            _ => new PositionalEmbedding(options.BlockOutChannels[0], options.FreqShift, options.FlipSinToCos),
        },
        new TimeEmbedding(options.LabelChannels, options.TimeChannels),
        (options.ClassEmbedType, options.NumClassEmbeds) switch
        {
            (ClassEmbedType.Timestep, _) => new TimeEmbedding(options.LabelChannels, options.TimeChannels),
            (ClassEmbedType.Identity, _) => Identity(),
            (null, int count) => Embedding(count, options.TimeChannels),
            _ => null,
        });

    /// <summary>Registers the layers with the network.</summary>
    public void RegisterIn(UNet2D network)
    {
        network.register_module("time_proj", projection);
        network.register_module("time_embedding", time);
        network.register_module("class_embedding", classes!);
    }

    /// <summary>Noise levels <c>[B]</c> and the classes, where there are any, to the condition <c>[B, D]</c>.</summary>
    public Tensor Embed(Tensor levels, Tensor? classLabels)
    {
        Tensor embeddedTime = time.call(Project(levels)); // [B, D]
        if (classes is null)
        {
            return embeddedTime;
        }

        Tensor labels = classLabels!.to(embeddedTime.device);
        Tensor embeddedClasses = classes.call(options.ClassEmbedType == ClassEmbedType.Timestep ? Project(labels) : labels); // [B, D]
        return embeddedTime.Plus(embeddedClasses.to(embeddedTime.dtype));
    }

    // A level before the linear layers, [B, label channels].
    private Tensor Project(Tensor levels) =>
        projection.call(options.TimeEmbeddingType == TimeEmbeddingType.Learned ? levels.to(ScalarType.Int64) : levels);
}

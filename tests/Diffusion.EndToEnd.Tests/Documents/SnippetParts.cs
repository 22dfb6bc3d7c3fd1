using Diffusion.Data;
using Diffusion.TestKit;
using Diffusion.Training;
using Samples;

namespace Diffusion.EndToEnd.Tests.Documents;

/// <summary>Small parts of a run, which are the inputs of snippets.</summary>
internal sealed class SnippetParts : IDisposable
{
    private const int Size = 8;

    private readonly DrawnShapes images = DrawnShapes.Create(count: 40, Size);
    private readonly UNet2DOptions network = UNet2DOptions.ForImages(Size, 3, UNet2DSize.Small) with { BlockOutChannels = [8],
        AttentionHeadDim = 8, NormNumGroups = 4 };
    private readonly UNet2D unet;
    private readonly UNet2D trained;
    private Trainer? trainer;

    public SnippetParts()
    {
        unet = new UNet2D(network);
        trained = new UNet2D(network);
    }

    /// <summary>The part with a given type.</summary>
    /// <exception cref="NotSupportedException">There is no part of this type.</exception>
    public object Of(string type) => type switch
    {
        nameof(IImageSource) => images,
        nameof(IDiffusionModel) or nameof(UNet2D) => unet,
        nameof(UNet2DOptions) => network,
        nameof(TrainingOptions) => new TrainingOptions(),
        nameof(TrainerBuilder) => Builder(unet),
        nameof(Trainer) => trainer ??= Builder(trained).Build(),
        _ => throw new NotSupportedException(
            $"There is no {type} to give. Add one to {nameof(SnippetParts)}, or say why the code is not run."),
    };

    public void Dispose()
    {
        trainer?.Dispose();
        trained.Dispose();
        unet.Dispose();
        images.Dispose();
    }

    // The clock advances by itself, so that measurements of several seconds end at once.
    private TrainerBuilder Builder(UNet2D model) => Trainer.For(model)
        .UseDevice(ComputeDevice.Cpu(threads: 1))
        .UseData(images)
        .UseTimeProvider(new MovedTime(TimeSpan.FromSeconds(1)))
        .Configure(options => (options.Steps, options.BatchSize) = (3, 4));
}

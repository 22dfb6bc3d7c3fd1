using Diffusion.Data;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests;

/// <summary>Models that would train wrongly are refused when the trainer is built, and are left as they were.</summary>
public sealed class ModelChecksTests
{
    public static TheoryData<string, Func<TinyModel, IDiffusionModel>> Wrong => new()
    {
        { "*CreateTwin() returned the model itself*with its own parameters.", inner =>
            new OddModel(inner) { Twin = (self, _) => self } },
        { "*CreateTwin() returned the model itself*", inner => new OddModel(inner) { Twin = (_, network) => new OddModel(network) } },
        { "*CreateTwin() returned null*", inner => new OddModel(inner) { Twin = (_, _) => null! } },
        { "*whose conv_in.weight is [16, 1, 3, 3], but the model's is [8, 1, 3, 3]*", inner =>
            new OddModel(inner) { Twin = (_, _) => new TinyModel(hidden: 16) } },
        { "*different parameters (unexpected: classes.weight; )*", inner =>
            new OddModel(inner) { Twin = (_, _) => new TinyModel(classCount: 3) } },
        { "*conv_in.weight shares its memory with the model*", inner => new OddModel(inner) { Twin = (_, network) => Sharing(network) } },
        { "*is Float64 on cpu*but the model's is Float32 on cpu*", inner =>
            new OddModel(inner) { Twin = (_, _) => InDoubles(new TinyModel()) } },
        { "The output of OddModel has no gradient*detach()*", inner => new OddModel(inner) { Change = answer => answer.detach() } },
        { "The output of OddModel does not depend on any trained parameter*", inner =>
            new OddModel(inner) { Change = answer => answer * 0 } },
        { "*returned the shape [1, 1, 4, 8]*", inner => new OddModel(inner) { Change = answer => answer.narrow(2, 0, 4) } },
        { "The output of OddModel is Float64 for images in Float32*", inner =>
            new OddModel(inner) { Change = answer => answer.to(ScalarType.Float64) } },
    };

    [Theory]
    [MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public void A_model_that_would_train_wrongly_is_refused(string message, Func<TinyModel, IDiffusionModel> odd)
    {
        using TinyModel inner = new();
        using StripedImages images = new();
        float[] weights = Weights(inner);
        TrainerBuilder builder = Builder(odd(inner), images);

        builder.Invoking(b => b.Build()).Should().Throw<InvalidOperationException>().WithMessage(message);

        Weights(inner).Should().Equal(weights);
        inner.training.Should().BeTrue();
        using Trainer trainer = Builder(inner, images).Build();
        trainer.Run(TestContext.Current.CancellationToken).Step.Should().Be(2);
    }

    [Fact]
    public void A_network_whose_last_layer_begins_at_zero_is_trained()
    {
        using TinyModel model = new();
        using StripedImages images = new();
        using (no_grad())
        {
            model.get_parameter("conv_out.weight")!.zero_();
            model.get_parameter("conv_out.bias")!.zero_();
        }

        using Trainer trainer = Builder(model, images).Build();
        trainer.Run(TestContext.Current.CancellationToken).Step.Should().Be(2);
    }

    private static TinyModel Sharing(TinyModel network)
    {
        TinyModel twin = new();
        using IDisposable noGradients = no_grad();
        twin.get_parameter("conv_in.weight")!.set_(network.get_parameter("conv_in.weight")!);
        return twin;
    }

    private static TinyModel InDoubles(TinyModel twin)
    {
        twin.to(ScalarType.Float64);
        return twin;
    }

    private static float[] Weights(TinyModel model) => [.. model.parameters().SelectMany(p => p.data<float>().ToArray())];

    private static TrainerBuilder Builder(IDiffusionModel model, IImageSource images) => Trainer.For(model)
        .UseDevice(ComputeDevice.Cpu(threads: 1))
        .UseData(images)
        .Configure(o => (o.Steps, o.BatchSize) = (2, 4));

    private sealed class OddModel(TinyModel inner) : IDiffusionModel
    {
        public Func<OddModel, TinyModel, IDiffusionModel> Twin { get; init; } = (_, network) => network.CreateTwin();

        public Func<Tensor, Tensor> Change { get; init; } = answer => answer;

        public nn.Module Network => inner;

        public ImageShape? SampleShape => inner.SampleShape;

        public int? ClassCount => null;

        public bool HasDropout => false;

        public string Description => inner.Description;

        public Tensor Predict(Tensor noisy, Tensor labels, Conditioning conditioning)
        {
            using DisposeScope scope = NewDisposeScope();
            return Change(inner.Predict(noisy, labels, conditioning)).MoveToOuterDisposeScope();
        }

        public IDiffusionModel CreateTwin() => Twin(this, inner);

        public IReadOnlyList<string> Problems(ImageShape shape, INoiseSchedule schedule) => [];

        public void Dispose() => inner.Dispose();
    }
}

using Diffusion.Data;
using Diffusion.TestKit;
using Microsoft.Extensions.Options;

namespace Diffusion.Training.Tests;

public sealed class TrainerBuilderTests
{
    [Fact]
    public void Every_problem_is_listed_at_once_with_its_remedy()
    {
        using TinyModel model = new(channels: 3, classCount: 4);
        using StripedImages images = new();
        Action build = () => Trainer.For(model)
            .UseData(images)
            .UseEma(0.99)
            .UseEma(1.5)
            .Configure(o =>
            {
                o.BatchSize = 48;
                o.MicroBatchSize = 32;
                o.Timesteps = 10_000;
                o.LearningRate = LearningRate.Constant(-1);
                o.Steps = 0;
            })
            .Build();

        build.Should().Throw<OptionsValidationException>().Which.Failures.Should().BeEquivalentTo(
            "UseEma was called twice. Call it once.",
            "Steps (0) must be at least 1. Use 200000 for a full run, or 1000 for a trial.",
            "BatchSize (48) must be a multiple of MicroBatchSize (32). Use 32 or 64.",
            "LearningRate.Peak (-1) must be above 0 and at most 1. Use 2e-4.",
            "Ema (warmup(max-decay: 1.5)) is impossible: maxDecay (1.5) must be at least 0 and below 1. Use 0.9999. "
                + "(Parameter 'maxDecay'). Leave it out for power-function(sigma-rel: 0.03), or use none for no average.",
            "Timesteps (10000) must be in 250..4000. Use 1000; the sampler may take fewer steps.",
            "The model has 4 classes, but the data has no labels. Create the model for the classes of the data, or without classes.");

        Action fit = () => Trainer.For(model).UseData(images).Build();
        fit.Should().Throw<OptionsValidationException>().Which.Failures.Should().BeEquivalentTo(
            "Images have 1 channels, but the model takes 3.",
            "The model has 4 classes, but the data has no labels. Create the model for the classes of the data, or without classes.");
    }

    [Fact]
    public void Images_are_required()
    {
        using TinyModel model = new();
        FluentActions.Invoking(() => Trainer.For(model).Build()).Should().Throw<OptionsValidationException>().WithMessage("*UseData*");
    }

    [Fact]
    public void A_run_folder_that_cannot_be_written_to_is_one_clear_error()
    {
        using TemporaryFolder folder = new();
        string file = folder.File("file");
        File.WriteAllText(file, "");
        using TinyModel model = new();
        using StripedImages images = new();

        Action build = () => Trainer.For(model).UseData(images).UseCheckpoints(Path.Combine(file, "run")).Build();

        build.Should().Throw<CheckpointException>().WithMessage("*cannot be written*");
    }

    [Fact]
    public void Epochs_of_whole_batches_need_as_many_images_to_train_on()
    {
        using TemporaryFolder folder = new();
        using TinyModel model = new();
        using StripedImages images = new(count: 40);
        long tensors = LiveTensors.Count;
        Action Build(int batchSize, double heldOut) => () => Trainer.For(model)
            .UseData(images)
            .UseCheckpoints(folder.File("run"))
            .Configure(o =>
            {
                o.BatchSize = batchSize;
                o.HoldOutFraction = heldOut;
                o.Steps = 0;
                o.Loading = new LoadingOptions { DropLast = true };
            })
            .Build();

        Build(33, heldOut: 0.2).Should().Throw<OptionsValidationException>().Which.Failures.Should().BeEquivalentTo(
            "Steps (0) must be at least 1. Use 200000 for a full run, or 1000 for a trial.",
            "Loading.DropLast needs a complete batch in each epoch, but BatchSize (33) exceeds the 32 training images. "
            + "Use a batch of at most 32, or leave DropLast out.");
        Build(32, heldOut: 0.2).Should().Throw<OptionsValidationException>().Which.Failures.Should().ContainSingle();
        Build(40, heldOut: 0).Should().Throw<OptionsValidationException>().Which.Failures.Should().ContainSingle();
        Build(41, heldOut: 0).Should().Throw<OptionsValidationException>().Which.Failures.Should().HaveCount(2);
        LiveTensors.Count.Should().Be(tensors);
        Directory.Exists(folder.File("run")).Should().BeFalse();
    }

    public static TheoryData<string, Func<TinyModel, TrainerBuilder>> Failing => new()
    {
        { "*groups of the source contain 39 images*", model => Trainer.For(model).UseData(new NumberedImages(40, groups: [20, 19])) },
        { "no memory for moments", model => Trainer.For(model).UseData(new NumberedImages(40)).UseOptimizer(new NoOptimizer()) },
        { "no memory for a twin", model => Trainer.For(new TwinlessModel(model)).UseData(new NumberedImages(40)) },
        {
            "*cannot start from 'nowhere'*",
            model => Trainer.For(model).UseData(new NumberedImages(40)).UseInitialWeights("nowhere").Configure(o => o.Ema = "none")
        },
    };

    [Theory]
    [MemberData(nameof(Failing), DisableDiscoveryEnumeration = true)]
    public void A_trainer_that_cannot_be_made_leaves_nothing_behind_and_the_model_as_it_was(string message, Func<TinyModel,
        TrainerBuilder> builder)
    {
        using TinyModel model = new(channels: 3);
        float[] weights = Weights(model);
        Fail();
        long tensors = LiveTensors.Settle();
        Fail();

        LiveTensors.OfProcess.Should().BeLessThanOrEqualTo(tensors);
        Weights(model).Should().Equal(weights);
        using Trainer trainer = Trainer.For(model).UseData(new NumberedImages(40)).Configure(o => (o.Steps, o.BatchSize) = (2, 4)).Build();
        trainer.Run(TestContext.Current.CancellationToken).Step.Should().Be(2);
        Weights(model).Should().NotEqual(weights);

        void Fail() =>
            builder(model).UseDevice(ComputeDevice.Cpu(threads: 1)).Invoking(b => b.Build()).Should().Throw<Exception>()
                .WithMessage(message);
    }

    private static float[] Weights(TinyModel model) => [.. model.parameters().SelectMany(p => p.data<float>().ToArray())];

    private sealed class NoOptimizer : IOptimizerFactory
    {
        public string Description => "none";

        public IReadOnlyList<string> Problems => [];

        public IOptimizer Create(FlatParameters parameters) => throw new InvalidOperationException("no memory for moments");
    }

    private sealed class TwinlessModel(TinyModel model) : IDiffusionModel
    {
        public TorchSharp.torch.nn.Module Network => model;

        public ImageShape? SampleShape => model.SampleShape;

        public int? ClassCount => model.ClassCount;

        public bool HasDropout => model.HasDropout;

        public string Description => model.Description;

        public TorchSharp.torch.Tensor Predict(TorchSharp.torch.Tensor noisy, TorchSharp.torch.Tensor labels, Conditioning conditioning) =>
            model.Predict(noisy, labels, conditioning);

        public IDiffusionModel CreateTwin() => throw new InvalidOperationException("no memory for a twin");

        public IReadOnlyList<string> Problems(ImageShape shape, INoiseSchedule schedule) => model.Problems(shape, schedule);

        public void Dispose() => model.Dispose();
    }
}

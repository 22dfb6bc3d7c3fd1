using Diffusion.Sampling;
using Diffusion.TestKit;
using TorchSharp;

namespace Diffusion.Training.Tests.Runs;

public sealed class TrainedModelTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string, PredictionType> Schedules => new()
    {
        { "cosine", PredictionType.Epsilon },
        { "linear", PredictionType.Velocity },
        { "scaled linear with own ends", PredictionType.Sample },
        { "sigmoid", PredictionType.Epsilon },
        { "own betas", PredictionType.Velocity },
        { "edm", PredictionType.Edm },
        { "flow", PredictionType.Flow },
        { "shifted flow", PredictionType.Flow },
        { "laplace", PredictionType.Epsilon },
        { "exponential", PredictionType.Epsilon },
        { "zero terminal SNR", PredictionType.Velocity },
    };

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Schedules))]
    public void A_run_is_opened_with_its_averaged_weights_schedule_and_prediction(string schedule, PredictionType prediction)
    {
        using UNet2D unet = Network();
        using StripedImages images = new(size: 8);
        using Trainer trainer = Builder(unet, images).UseSchedule(ScheduleOf(schedule)).UsePrediction(prediction).UseEma(0.5).Build();
        TrainingResult result = trainer.Run(Token);

        using TrainedModel model = TrainedModel.Open(folder.Path);

        model.Step.Should().Be(3);
        model.Ema.Should().Be("warmup(max-decay: 0.5)");
        model.Folder.Should().Be(result.Checkpoint);
        model.Skipped.Should().BeEmpty();
        model.Denoiser.Model.Network.training.Should().BeFalse();
        model.Denoiser.Schedule.Description.Should().Be(result.EmaDenoiser.Schedule.Description);
        model.Denoiser.Parameterization.Description.Should().Be(Parameterization.Of(prediction).Description);
        Same(model, result.EmaDenoiser).Should().BeTrue();
        Same(model, result.RawDenoiser).Should().BeFalse();
        using torch.Tensor noisy = torch.ones([1, 1, 8, 8]);
        NoiseLevel level = result.EmaDenoiser.Schedule.At(result.EmaDenoiser.Schedule.FirstTime);
        using Estimate expected = result.EmaDenoiser.Denoise(noisy, level);
        using Estimate actual = model.Denoiser.Denoise(noisy, level);
        actual.Clean.SameBits(expected.Clean).Should().BeTrue();
    }

    [Fact]
    public void Each_average_and_the_raw_weights_can_be_chosen_and_others_are_refused_by_name()
    {
        using UNet2D unet = Network();
        using StripedImages images = new(size: 8);
        using Trainer trainer = Builder(unet, images).Configure(o => (o.Ema, o.AdditionalEma) = (Law(0.2), [Law(0.1)])).Build();
        TrainingResult result = trainer.Run(Token);

        using (TrainedModel second = TrainedModel.Open(folder.Path, ema: Law(0.1)))
        {
            second.Averages.Should().Equal(Law(0.2), Law(0.1));
            Same(second, result.Averages[EmaLaw.Warmup(0.1)]).Should().BeTrue();
            Same(second, result.Averages[EmaLaw.Warmup(0.2)]).Should().BeFalse();
        }

        using (TrainedModel raw = TrainedModel.Open(folder.Path, ema: TrainedModel.NoEma))
        {
            raw.Ema.Should().BeNull();
            Same(raw, result.RawDenoiser).Should().BeTrue();
        }

        Refused(() => TrainedModel.Open(folder.Path, ema: Law(0.99))).Should().Contain("no average warmup(max-decay: 0.99)")
            .And.Contain("Use warmup(max-decay: 0.2) or warmup(max-decay: 0.1) or none;");
    }

    [Fact]
    public void A_run_without_an_average_gives_the_raw_weights()
    {
        using UNet2D unet = Network();
        using StripedImages images = new(size: 8);
        using Trainer trainer = Builder(unet, images).Configure(o => o.Ema = "none").Build();
        TrainingResult result = trainer.Run(Token);

        using TrainedModel model = TrainedModel.Open(result.Checkpoint!);

        model.Ema.Should().BeNull();
        Same(model, result.RawDenoiser).Should().BeTrue();
    }

    [Theory]
    [InlineData("ema.safetensors", "flip")]
    [InlineData("ema.safetensors", "truncate")]
    [InlineData("ema.safetensors", "delete")]
    [InlineData("manifest.json", "flip")]
    public void A_damaged_checkpoint_is_skipped_for_the_one_before_it(string file, string damage)
    {
        using UNet2D unet = Network();
        using StripedImages images = new(size: 8);
        using (Trainer trainer = Builder(unet, images).UseEma(0.5)
            .Configure(o => (o.CheckpointEverySteps, o.KeepCheckpoints) = (2, 2)).Build())
        {
            trainer.Run(Token);
        }

        string newest = folder.File("checkpoints", "step-000000003");
        Damage(Path.Combine(newest, file), damage);

        using TrainedModel model = TrainedModel.Open(folder.Path);

        model.Step.Should().Be(2);
        model.Skipped.Should().ContainSingle().Which.Should().Contain("step-000000003").And.Contain("damaged");
        Refused(() => TrainedModel.Open(newest)).Should().Contain(damage == "delete" ? "ema.safetensors" : "damaged");
        Directory.Exists(newest).Should().BeTrue("reading changes nothing");
    }

    [Fact]
    public void Weights_that_are_not_needed_may_be_damaged()
    {
        using UNet2D unet = Network();
        using StripedImages images = new(size: 8);
        using Trainer trainer = Builder(unet, images).UseEma(0.5).Build();
        TrainingResult result = trainer.Run(Token);
        Damage(Path.Combine(result.Checkpoint!, "optimizer.safetensors"), "flip");

        using TrainedModel model = TrainedModel.Open(folder.Path);

        Same(model, result.EmaDenoiser).Should().BeTrue();
    }

    [Fact]
    public void A_network_of_another_type_comes_from_a_function()
    {
        using TinyModel tiny = new();
        using StripedImages images = new(size: 8);
        using Trainer trainer = Builder(tiny, images).UseEma(0.5).Build();
        TrainingResult result = trainer.Run(Token);

        using TrainedModel model = TrainedModel.Open(folder.Path, network: () => new TinyModel(seed: 9));

        Same(model, result.EmaDenoiser).Should().BeTrue();
        model.Denoiser.Model.SampleShape.Should().BeNull("the network accepts every size");
        model.Denoiser.SampleShape.Should().Be(images.Shape, "it was trained on this one");
        Refused(() => TrainedModel.Open(folder.Path)).Should().Contain("is not a UNet2D").And.Contain("Pass a function");
        Refused(() => TrainedModel.Open(folder.Path, network: () => new TinyModel(hidden: 4))).Should().Contain("hidden: 4")
            .And.Contain("hidden: 8");
    }

    [Fact]
    public void A_network_on_patches_is_created_from_the_description()
    {
        UNet2DOptions options = Options with { SampleSize = 4, InChannels = 4, OutChannels = 4 };
        using PatchedModel patched = new(new UNet2D(options), 2);
        using StripedImages images = new(size: 8);
        using Trainer trainer = Builder(patched, images).UseEma(0.5).Build();
        TrainingResult result = trainer.Run(Token);

        using TrainedModel model = TrainedModel.Open(folder.Path);

        Same(model, result.EmaDenoiser).Should().BeTrue();
        model.Denoiser.Model.Should().BeOfType<PatchedModel>().Which.PatchSize.Should().Be(2);
        model.Denoiser.SampleShape.Should().Be(images.Shape);
        using torch.Tensor noisy = torch.ones([1, 1, 8, 8]);
        using Estimate expected = result.EmaDenoiser.Denoise(noisy, result.EmaDenoiser.Schedule.At(500));
        using Estimate actual = model.Denoiser.Denoise(noisy, result.EmaDenoiser.Schedule.At(500));
        actual.Clean.SameBits(expected.Clean).Should().BeTrue();
    }

    [Fact]
    public void A_self_conditioned_network_is_created_from_the_description()
    {
        using SelfConditionedModel conditioned = new(new UNet2D(Options with { InChannels = 2 }));
        using StripedImages images = new(size: 8);
        using Trainer trainer = Builder(conditioned, images).UseEma(0.5)
            .Configure(o => o.Objective = o.Objective with { SelfConditioning = 0.5 }).Build();
        TrainingResult result = trainer.Run(Token);

        using TrainedModel model = TrainedModel.Open(folder.Path);

        Same(model, result.EmaDenoiser).Should().BeTrue();
        model.Denoiser.Model.Should().BeOfType<SelfConditionedModel>();
        using torch.Tensor expected = Picture(result.EmaDenoiser, seed: 3);
        using torch.Tensor actual = Picture(model.Denoiser, seed: 3);
        actual.SameBits(expected).Should().BeTrue();
    }

    [Fact]
    public async Task Several_threads_that_sample_at_once_get_the_images_of_one_after_another()
    {
        const int threads = 4;
        const int pictures = 6;
        using UNet2D unet = Network();
        using StripedImages images = new(size: 8);
        using (Trainer trainer = Builder(unet, images).UseEma(0.5).Build())
        {
            trainer.Run(Token);
        }

        using TrainedModel model = TrainedModel.Open(folder.Path, device: ComputeDevice.Cpu(threads: 1));
        torch.Tensor[] expected = [.. Enumerable.Range(0, pictures).Select(seed => Picture(model.Denoiser, seed))];
        using Barrier start = new(threads);

        bool[][] same = await Task.WhenAll(Enumerable.Range(0, threads).Select(thread => Task.Factory.StartNew(
            () =>
            {
                start.SignalAndWait(Token); // all of them sample at once, each in another order
                return Enumerable.Range(0, pictures).Select(i =>
                {
                    int seed = (i + thread) % pictures;
                    using torch.Tensor picture = Picture(model.Denoiser, seed);
                    return picture.SameBits(expected[seed]);
                }).ToArray();
            },
            Token, TaskCreationOptions.LongRunning, TaskScheduler.Default)));

        same.SelectMany(each => each).Should().HaveCount(threads * pictures).And.OnlyContain(equal => equal);
        expected[0].SameBits(expected[1]).Should().BeFalse("otherwise a comparison proves nothing");
        Array.ForEach(expected, picture => picture.Dispose());
    }

    [Fact]
    public void A_schedule_of_another_type_is_passed_and_must_be_the_one_of_the_training()
    {
        using UNet2D unet = Network();
        using StripedImages images = new(size: 8);
        using Trainer trainer = Builder(unet, images).Build();
        trainer.Run(Token);

        Refused(() => TrainedModel.Open(folder.Path, schedule: NoiseSchedule.Linear())).Should().Contain("linear(")
            .And.Contain("cosine(timesteps: 1000)");
        using TrainedModel model = TrainedModel.Open(folder.Path, schedule: NoiseSchedule.Cosine());
        model.Denoiser.Schedule.Description.Should().Be("cosine(timesteps: 1000)");
    }

    [Fact]
    public void A_folder_of_diffusers_is_opened_too()
    {
        using UNet2D unet = Network();
        using StripedImages images = new(size: 8);
        using Trainer trainer = Builder(unet, images).UseEma(0.5).Build();
        TrainingResult result = trainer.Run(Token);
        string exported = folder.File("exported");
        result.ExportDiffusers(exported);

        using TrainedModel model = TrainedModel.Open(exported);

        model.Step.Should().BeNull();
        Same(model, result.EmaDenoiser).Should().BeTrue();
        Refused(() => TrainedModel.Open(exported, ema: Law(0.5))).Should().Contain("Leave ema out");
    }

    [Theory]
    [InlineData("an option", 3, true)]
    [InlineData("a whole objective", 3, true)]
    [InlineData("none", 4, false)]
    public void The_class_that_label_dropout_adds_is_not_counted_in_a_run_a_copy_and_an_export(string dropout, int classes, bool isGuided)
    {
        using UNet2D unet = new(Options with { NumClassEmbeds = 4 });
        using StripedImages images = new(size: 8, classCount: 3);
        TrainerBuilder builder = Builder(unet, images);
        using Trainer trainer = (dropout switch
        {
            "an option" => builder.Configure(o => o.Objective = o.Objective with { LabelDropout = 0.2 }),
            "a whole objective" => builder.UseObjective(new Objective { LabelDropout = 0.2 }),
            _ => builder,
        }).Build();
        trainer.Run(Token).ExportDiffusers(folder.File("exported"));

        using TrainedModel opened = TrainedModel.Open(folder.Path);
        using TrainedModel copied = trainer.SnapshotEma();
        using TrainedModel exported = TrainedModel.Open(folder.File("exported"));

        foreach (TrainedModel model in (TrainedModel[])[opened, copied, exported])
        {
            (model.Denoiser.Model.ClassCount, model.ImageClassCount, model.IsTrainedForGuidance).Should().Be((4, classes, isGuided));
        }
    }

    [Fact]
    public void A_model_without_classes_has_no_class_count()
    {
        using UNet2D unet = Network();
        using StripedImages images = new(size: 8);
        using Trainer trainer = Builder(unet, images).Build();
        trainer.Run(Token);

        using TrainedModel model = TrainedModel.Open(folder.Path);

        (model.ImageClassCount, model.IsTrainedForGuidance).Should().Be(((int?)null, false));
    }

    [Fact]
    public void A_folder_without_a_model_is_refused()
    {
        Refused(() => TrainedModel.Open(folder.File("missing"))).Should().Contain("contains no trained model");
        Directory.CreateDirectory(folder.File("checkpoints"));
        Refused(() => TrainedModel.Open(folder.Path)).Should().Contain("no checkpoint").And.Contain("Train until");
    }

    [Fact]
    public void A_run_of_an_earlier_version_is_opened()
    {
        string earlier = Path.Combine(AppContext.BaseDirectory, "Fixtures", "EarlierRuns", "two-averages");

        using TrainedModel model = TrainedModel.Open(earlier, network: () => new TinyModel(hidden: 4));

        model.Step.Should().Be(6);
        model.Averages.Should().Equal(Law(0.99), Law(0.9));
        model.Denoiser.SampleShape.Should().BeNull("its checkpoints do not contain the shape of the images");
    }

    private static INoiseSchedule ScheduleOf(string name) => name switch
    {
        "cosine" => NoiseSchedule.Cosine(),
        "linear" => NoiseSchedule.Linear(400),
        "scaled linear with own ends" => NoiseSchedule.ScaledLinear(500, 1e-4, 0.03),
        "sigmoid" => NoiseSchedule.Sigmoid(),
        "own betas" => new DiscreteSchedule([.. Enumerable.Range(0, 300).Select(i => 1e-4 + (i * 1e-4))], "mine"),
        "edm" => new EdmSchedule(0.01, 50),
        "flow" => new FlowSchedule(),
        "shifted flow" => new FlowSchedule(3),
        "laplace" => NoiseSchedule.Laplace(),
        "exponential" => NoiseSchedule.Exponential(),
        _ => NoiseSchedule.Cosine().WithZeroTerminalSnr(),
    };

    private static string Refused(Func<TrainedModel> open) =>
        FluentActions.Invoking(() => open().Dispose()).Should().Throw<CheckpointException>().Which.Message;

    private static bool Same(TrainedModel model, Denoiser expected)
    {
        Dictionary<string, TorchSharp.Modules.Parameter> weights =
            expected.Model.Network.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        return model.Denoiser.Model.Network.named_parameters().All(p => p.parameter.SameBits(weights[p.name]));
    }

    private static void Damage(string path, string how)
    {
        byte[] bytes = File.ReadAllBytes(path);
        bytes[^40] ^= 1;
        switch (how)
        {
            case "flip":
                File.WriteAllBytes(path, bytes);
                break;
            case "truncate":
                File.WriteAllBytes(path, bytes[..^8]);
                break;
            default:
                File.Delete(path);
                break;
        }
    }

    private static torch.Tensor Picture(Denoiser denoiser, int seed) =>
        new DdpmSampler { Steps = 6 }.Sample(denoiser, count: 2, seed, cancellationToken: Token);

    private static UNet2D Network() => new(Options);

    private static UNet2DOptions Options { get; } = new()
    {
        SampleSize = 8,
        InChannels = 1,
        OutChannels = 1,
        BlockOutChannels = [4],
        DownBlockTypes = [DownBlockType.DownBlock2D],
        UpBlockTypes = [UpBlockType.UpBlock2D],
        LayersPerBlock = 1,
        NormNumGroups = 2,
        AttentionHeadDim = 4,
    };

    private TrainerBuilder Builder(IDiffusionModel model, StripedImages images) =>
        Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images).UseCheckpoints(folder.Path).Configure(o =>
        {
            o.BatchSize = 4;
            o.Steps = 3;
            o.LearningRate = LearningRate.Constant(0.1).WithWarmup(0);
        });

    private static string Law(double decay) => EmaLaw.Warmup(decay).Description;
}

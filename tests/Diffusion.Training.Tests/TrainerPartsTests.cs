using Diffusion.Data;
using Diffusion.Sampling;
using Diffusion.TestKit;
using Microsoft.Extensions.Options;
using TorchSharp;

namespace Diffusion.Training.Tests;

/// <summary>What the parts of a run must agree on.</summary>
public sealed class TrainerPartsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_network_made_for_images_of_another_size_is_refused_with_both_sizes()
    {
        using UNet2D unet = Small(size: 16);
        using StripedImages images = new(size: 32);
        Problems(Trainer.For(unet).UseData(images)).Should().ContainSingle().Which.Should()
            .Contain("images are 1 x 32 x 32").And.Contain("created for 1 x 16 x 16").And
            .Contain("Create the network for the shape of the images");
        using StripedImages fitting = new(size: 16);
        Trainer.For(unet).UseData(fitting).Build().Dispose();
    }

    [Fact]
    public void Of_other_channels_the_model_says_once_what_is_wrong()
    {
        using UNet2D unet = new(UNet2DOptions.ForImages(8, 3, UNet2DSize.Small));
        using StripedImages images = new(size: 8);
        Problems(Trainer.For(unet).UseData(images)).Should().ContainSingle().Which.Should().Contain("images have 1 channels");

        using TinyModel inner = new();
        using ScriptedModel silent = new((noisy, _, _) => noisy, inner) { SampleShape = ImageShape.Square(8) };
        Problems(Trainer.For(silent).UseData(images)).Should().ContainSingle().Which.Should()
            .Contain("images are 1 x 8 x 8").And.Contain("created for 3 x 8 x 8");
    }

    [Fact]
    public void A_network_that_takes_every_size_is_sampled_at_the_size_it_was_trained_on()
    {
        using UNet2D unet = new(Small(size: 16).Options with { SampleSize = null });
        using StripedImages images = new(size: 32);
        using Trainer trainer = Trainer.For(unet).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images)
            .Configure(o => (o.Steps, o.BatchSize) = (1, 2)).Build();
        TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);
        foreach (Denoiser denoiser in new[] { result.EmaDenoiser, result.RawDenoiser })
        {
            using torch.Tensor samples = new DdimSampler { Steps = 1 }.Sample(denoiser, count: 1,
                cancellationToken: TestContext.Current.CancellationToken);
            samples.shape.Should().Equal(1, 1, 32, 32);
        }
    }

    [Fact]
    public void The_order_of_UseOptions_Configure_and_the_other_calls_does_not_matter()
    {
        Action<TrainerBuilder>[] calls =
        [
            builder => builder.UseOptions(new TrainingOptions { Steps = 3, BatchSize = 4, Ema = "constant", CheckpointEverySteps = 2 }),
            builder => builder.Configure(o => o.Steps = 7),
            builder => builder.UseEma(0.9),
            builder => builder.UseCheckpoints(folder.File(Guid.NewGuid().ToString())),
        ];
        using TinyModel model = new();
        using StripedImages images = new();
        foreach (int[] order in new int[][] { [0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2], [2, 3, 0, 1] })
        {
            TrainerBuilder builder = Trainer.For(model).UseDevice(ComputeDevice.Cpu(threads: 1)).UseData(images);
            foreach (int call in order)
            {
                calls[call](builder);
            }

            using Trainer trainer = builder.Build();
            TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);
            string names = string.Join(", ", order);
            result.Step.Should().Be(7, names);
            result.ImagesSeen.Should().Be(28, names);
            result.Averages.Keys.Single().Should().Be(EmaLaw.Warmup(0.9), names);
            Directory.GetDirectories(Path.GetDirectoryName(result.Checkpoint)!).Select(Path.GetFileName).Should()
                .BeEquivalentTo(["step-000000006", "step-000000007"], names);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_value_that_Configure_and_a_Use_call_want_differently_is_refused_by_name_in_either_order(bool configureFirst)
    {
        using TinyModel model = new();
        using StripedImages images = new();
        TrainerBuilder builder = Trainer.For(model).UseData(images);
        void Configure() =>
            builder.Configure(o => (o.Ema, o.Objective, o.CheckpointEverySteps) = ("none",
                new ObjectiveOptions { Prediction = PredictionType.Velocity }, 7));
        if (configureFirst)
        {
            Configure();
        }

        builder.UseEma(0.99).UsePrediction(PredictionType.Velocity).UseCheckpoints(folder.File("run"), everySteps: 9);
        if (!configureFirst)
        {
            Configure();
        }

        Problems(builder).Should().BeEquivalentTo(
            "UseEma chooses Ema warmup(max-decay: 0.99), but Configure sets it to none. Leave one of the two out.",
            "UseCheckpoints chooses CheckpointEverySteps 9, but Configure sets it to 7. Leave one of the two out.");
    }

    [Fact]
    public void Options_that_name_another_schedule_than_the_given_one_are_refused()
    {
        using TinyModel model = new();
        using StripedImages images = new();
        TrainerBuilder Builder(Action<TrainingOptions> edit) =>
            Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(images).UseSchedule(NoiseSchedule.Cosine(500)).Configure(edit);
        Problems(Builder(o => o.Timesteps = 250)).Should().ContainSingle().Which.Should()
            .Contain("UseSchedule sets cosine(").And.Contain("Timesteps name cosine(");
        Problems(Builder(o => o.Schedule = NoiseScheduleKind.Linear)).Should().ContainSingle();
        Builder(o => o.Timesteps = 500).Build().Dispose();
        Builder(_ => { }).Build().Dispose();
    }

    [Fact]
    public void Options_the_images_and_the_run_folder_are_checked_together_and_nothing_is_left_behind()
    {
        string file = folder.File("file");
        File.WriteAllText(file, "");
        using TinyModel model = new(channels: 3);
        using torch.Tensor bytes = torch.rand(40, 1, 8, 16).mul(255);
        using FloatImages images = new(bytes);
        Problems(Trainer.For(model).UseData(images).UseCheckpoints(Path.Combine(file, "run")).Configure(o => o.Steps = 0)).Should()
            .SatisfyRespectively(
            first => first.Should().StartWith("Steps (0)"),
            second => second.Should().Contain("1 channels"),
            third => third.Should().Contain("look like unscaled bytes 0..255"),
            last => last.Should().Contain("cannot be written to").And.Contain("is a file"));

        Problems(Trainer.For(model).UseData(images).UseCheckpoints(folder.File("new", "run"))).Should().HaveCount(2);
        Directory.GetFileSystemEntries(folder.File("new", "x")[..^2]).Should().BeEmpty("a folder in which no run begins is not made");
    }

    [Fact]
    public void A_run_folder_that_another_trainer_uses_is_one_problem_among_the_others()
    {
        using TinyModel model = new();
        using TinyModel other = new();
        using StripedImages images = new();
        using Trainer first = Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(images).UseCheckpoints(folder.Path).Build();
        TrainerBuilder second = Trainer.For(other).UseData(images).UseCheckpoints(folder.Path);
        second.Invoking(builder => builder.Build()).Should().Throw<CheckpointException>().WithMessage("*belong to another trainer*");
        Problems(second.Configure(o => o.Steps = 0)).Should()
            .HaveCount(2).And.Contain(problem => problem.Contains("belong to another trainer"));
    }

    [Fact]
    public void Parts_of_the_options_that_are_null_are_named()
    {
        using TinyModel model = new();
        using StripedImages images = new();
        Problems(Trainer.For(model).UseData(images)
            .UseOptions(new TrainingOptions { Loading = null!, Health = null!, AdditionalEma = null!, LearningRate = null! }))
            .Should().HaveCount(4).And.OnlyContain(problem => problem.Contains("(null) must have a value"));
    }

    [Fact]
    public void A_network_that_cannot_be_trained_is_named_with_all_else_that_is_wrong()
    {
        using TinyModel model = new();
        model.to(torch.ScalarType.Float16);
        using StripedImages images = new();
        Problems(Trainer.For(model).UseData(images).Configure(o => o.Steps = 0)).Should()
            .HaveCount(2).And.Contain(problem => problem.Contains("trained as float32"));
    }

    [Theory]
    [InlineData(4, 3, null, 0.1)]
    [InlineData(5, 3, "Network: it has 5 classes, but the images have only 3*", 0.1)]
    [InlineData(null, 3, "Network: it has no classes, but the images have 3*classes: 3*")]
    [InlineData(5, 3, "Network: it has 5 classes, but the images have only 3: it never sees class 3*")]
    [InlineData(3, 3, null)]
    [InlineData(null, null, null)]
    [InlineData(null, 1, null)]
    public void Classes_that_are_not_used_are_told(int? network, int? data, string? expected, double labelDropout = 0)
    {
        using TinyModel model = new(classCount: network);
        using StripedImages images = new(classCount: data);
        string[] told = [.. Warnings(Trainer.For(model).UseData(images)
            .Configure(o => o.Objective = o.Objective with { LabelDropout = labelDropout }))
            .Where(warning => warning.StartsWith("Network", StringComparison.Ordinal))];
        if (expected is null)
        {
            told.Should().BeEmpty();
        }
        else
        {
            told.Should().ContainSingle().Which.Should().Match(expected);
        }
    }

    [Fact]
    public void A_network_with_classes_on_images_without_labels_is_told_why_these_have_none()
    {
        using TinyModel model = new(classCount: 2);
        using StripedImages images = new();
        using ReportingImages stray = new(images,
            new ImageSourceReport(40,
                [new SkippedImages("folders that are no classes, because of images beside them", 2, ["cats", "dogs"])]));
        Problems(Trainer.For(model).UseData(stray)).Should().ContainSingle().Which.Should()
            .Contain(
                "has 2 classes, but the data has no labels (stripes(40, 8); 2 skipped: folders that are no classes, because of images "
                    + "beside them (cats, dogs)).");
    }

    public static TheoryData<Action<TrainerBuilder>, string> Unlikely => new()
    {
        { builder => builder.AddPreview(1000, _ => { }), "AddPreview: a preview is due every 1,000 steps, but the run has only 100" },
        { builder => builder.Configure(o => o.HoldOutFraction = 0.1), "HoldOutFraction: only 4 images" },
        { builder =>
            builder.Configure(o => (o.HoldOutFraction, o.HoldOutEverySteps, o.CheckpointEverySteps, o.KeepBestCheckpoints) = (0.2, 30, 50,
                1)), "KeepBestCheckpoints: the held-out loss is measured every 30 steps" },
        { builder =>
            builder.Configure(o => (o.HoldOutEverySteps, o.CheckpointEverySteps, o.KeepCheckpointsEverySteps) = (10, 20, 50)),
                "KeepCheckpointsEverySteps: checkpoints are saved every 20 steps" },
    };

    [Theory]
    [MemberData(nameof(Unlikely), DisableDiscoveryEnumeration = true)]
    public void Parts_that_are_hardly_meant_together_are_told(Action<TrainerBuilder> build, string expected)
    {
        using TinyModel model = new();
        using StripedImages images = new();
        TrainerBuilder usual = Trainer.For(model).UseData(images).AddPreview(100, _ => { })
            .Configure(o => (o.BatchSize, o.Steps, o.HoldOutFraction, o.HoldOutEverySteps) = (16, 100, 0.2, 25))
            .Configure(o => (o.CheckpointEverySteps, o.KeepBestCheckpoints, o.KeepCheckpointsEverySteps) = (50, 1, 100));
        OfParts().Should().BeEmpty();
        build(usual);
        OfParts().Should().ContainSingle().Which.Should().StartWith(expected);

        IEnumerable<string> OfParts() => Warnings(usual)
            .Where(warning =>
                warning.Split(':')[0] is "AddPreview" or "HoldOutFraction" or "KeepBestCheckpoints" or "KeepCheckpointsEverySteps");
    }

    [Theory]
    [InlineData(40, "the 40 images, their labels or their preparation have changed")]
    [InlineData(30, "number of images was 40 and is now 30")]
    public void Other_images_in_the_folder_of_a_run_are_a_warning(int count, string expected)
    {
        using StripedImages first = new();
        Run(first, steps: 2);
        Run(first, steps: 3).Should().NotContain(warning => warning.Option == "Data");

        using StripedImages stripes = new(count);
        using ShiftedImages other = new(stripes);
        Run(other, steps: 4).Should().ContainSingle(warning => warning.Option == "Data").Which.Text.Should()
            .Contain(expected).And.Contain("another folder");

        IReadOnlyList<TrainingWarning> Run(IImageSource images, long steps)
        {
            using TinyModel own = new();
            using Trainer trainer = Trainer.For(own).UseDevice(ComputeDevice.Cpu(1)).UseData(images).UseCheckpoints(folder.Path)
                .Configure(o => (o.Steps, o.BatchSize) = (steps, 4)).Build();
            trainer.Run(TestContext.Current.CancellationToken);
            return trainer.Warnings;
        }
    }

    [Fact]
    public void More_images_in_the_folder_of_a_run_are_no_warning()
    {
        foreach ((int count, long steps) in new[] { (40, 2L), (50, 3L) })
        {
            using TinyModel model = new();
            using StripedImages images = new(count);
            using Trainer trainer = Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(images).UseCheckpoints(folder.Path)
                .Configure(o => (o.Steps, o.BatchSize) = (steps, 4)).Build();
            trainer.Run(TestContext.Current.CancellationToken);
            trainer.Warnings.Should().NotContain(warning => warning.Option == "Data");
        }
    }

    [Fact]
    public void Images_that_truly_lie_in_zero_to_one_are_trained_on_once_that_is_said()
    {
        using torch.Tensor masks = torch.rand(40, 1, 16, 16).round_();
        FluentActions.Invoking(() => ImageTensors.From(masks)).Should().Throw<ArgumentException>().WithMessage("*refuseUnitRange: false*");
        Func<IImageSource>[] sources =
        [
            () => ImageTensors.From(masks, refuseUnitRange: false),
            () => InMemoryImages.Load(ImageTensors.From(masks, refuseUnitRange: false)),
            () => InMemoryImages.Load(ImageTensors.From(masks, refuseUnitRange: false)).With(ImageTransform.RandomFlip()),
            () => new FloatImages(masks) { RefusesUnitRange = false },
        ];
        foreach (Func<IImageSource> make in sources)
        {
            using TinyModel model = new();
            using IImageSource images = make();
            TrainerBuilder builder = Trainer.For(model).UseDevice(ComputeDevice.Cpu(1)).UseData(images)
                .UseTimeProvider(new MovedTime(TimeSpan.FromSeconds(1)))
                .Configure(o => (o.Steps, o.BatchSize, o.HoldOutFraction) = (3, 4, 0.2));
            builder.Plan(cancellationToken: TestContext.Current.CancellationToken).Images.Should().Be(32);
            using Trainer trainer = builder.Build();
            TrainingResult result = trainer.Run(TestContext.Current.CancellationToken);
            result.Step.Should().Be(3);
            result.Loss.Should().BePositive();
        }

        using TinyModel untrained = new();
        using FloatImages unsaid = new(masks);
        Trainer.For(untrained).UseData(unsaid).Invoking(builder => builder.Build()).Should().Throw<ImageDataException>()
            .WithMessage("*unscaled values in 0..1*RefusesUnitRange*");
    }

    private static UNet2D Small(int size) =>
        new(UNet2DOptions.ForImages(size, 1, UNet2DSize.Small) with { BlockOutChannels = [8, 8],
            DownBlockTypes = [DownBlockType.DownBlock2D, DownBlockType.DownBlock2D],
                UpBlockTypes = [UpBlockType.UpBlock2D, UpBlockType.UpBlock2D], AttentionHeadDim = 8, NormNumGroups = 4 });

    private static IEnumerable<string> Problems(TrainerBuilder builder) =>
        builder.Invoking(b => b.Build()).Should().Throw<OptionsValidationException>().Which.Failures;

    private static string[] Warnings(TrainerBuilder builder)
    {
        using Trainer trainer = builder.Build();
        return [.. trainer.Warnings.Select(warning => warning.ToString())];
    }

    // Float images of a source that a user wrote.
    private sealed class FloatImages(torch.Tensor pixels) : IImageSource
    {
        private readonly float[] values = [.. pixels.data<float>()];

        public long Count { get; } = pixels.shape[0];

        public ImageShape Shape { get; } = new((int)pixels.shape[1], (int)pixels.shape[2], (int)pixels.shape[3]);

        public PixelEncoding Encoding => PixelEncoding.Float32;

        public bool RefusesUnitRange { get; init; } = true;

        public int? ClassCount => null;

        public string Description => "a user's floats";

        public long LabelOf(long index) => throw new InvalidOperationException();

        public void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default) =>
            System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan((int)(index * Shape.Elements), (int)Shape.Elements))
                .CopyTo(destination);

        public void Dispose()
        {
        }
    }

    private sealed class ReportingImages(IImageSource images, ImageSourceReport report) : IImageSource
    {
        public long Count => images.Count;

        public ImageShape Shape => images.Shape;

        public PixelEncoding Encoding => images.Encoding;

        public int? ClassCount => images.ClassCount;

        public string Description => images.Description;

        public ImageSourceReport Report => report;

        public long LabelOf(long index) => images.LabelOf(index);

        public void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default) =>
            images.Read(index, destination, draws, cancellationToken);

        public void Dispose() => images.Dispose();
    }

    // The same number of images, but others.
    private sealed class ShiftedImages(IImageSource images) : IImageSource
    {
        public long Count => images.Count;

        public ImageShape Shape => images.Shape;

        public PixelEncoding Encoding => images.Encoding;

        public int? ClassCount => images.ClassCount;

        public string Description => images.Description;

        public long LabelOf(long index) => images.LabelOf(index);

        public void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default)
        {
            images.Read(index, destination, draws, cancellationToken);
            destination[0] ^= 1;
        }

        public void Dispose() => images.Dispose();
    }
}

using System.Globalization;
using Diffusion.Data;
using Diffusion.Training;

namespace Diffusion.TestKit.Resuming;

/// <summary>A small training run of a kind in which resuming from a checkpoint can go wrong.</summary>
/// <param name="Name">What is special about it.</param>
/// <param name="Configure">Changes its options; the default is one process and few images.</param>
public sealed record ResumeCase(string Name, Action<TrainingOptions> Configure)
{
    private const int SavesNever = int.MaxValue;

    /// <summary>The number of images.</summary>
    public int Images { get; init; } = 40;

    /// <summary>The number of classes.</summary>
    public int? Classes { get; init; }

    /// <summary>The transforms of the images.</summary>
    public IReadOnlyList<ImageTransform> Transforms { get; init; } = [];

    /// <summary>The dropout of the model.</summary>
    public double Dropout { get; init; }

    /// <summary>The optimizer.</summary>
    public IOptimizerFactory Optimizer { get; init; } = Optimizers.AdamW();

    /// <summary>The cases.</summary>
    public static IReadOnlyList<ResumeCase> All { get; } =
    [
        new("plain", _ => { }),
        new("accumulation", o => (o.BatchSize, o.MicroBatchSize) = (8, 2)),
        new("two averages", o => (o.Ema, o.AdditionalEma) = ("warmup(max-decay: 0.99)", ["warmup(max-decay: 0.9)"])),
        new("averages of every law", o => (o.Ema, o.AdditionalEma) = ("power-function(sigma-rel: 0.1)",
            ["half-life(images: 20)", "inverse-power(update-after-step: 2)", "constant(decay: 0.9)", "warmup"])),
        new("averages every third step", o => (o.AdditionalEma, o.EmaEverySteps) = (["half-life(images: 20)"], 3)),
        new("averages on the CPU", o => (o.AdditionalEma, o.EmaOnCpu) = (["warmup"], true)),
        new("schedule edges", o => o.LearningRate = LearningRate.Cosine(1e-3).WithWarmup((int)(o.Steps / 3))),
        new("epoch edges", o => (o.BatchSize, o.MicroBatchSize) = (4, 2)) { Images = 7 },
        new("epochs of whole batches", o => o.Loading = o.Loading with { DropLast = true }) { Images = 11 },
        new("dropout", o => o.MicroBatchSize = 2) { Dropout = 0.2 },
        new("class labels", _ => { }) { Classes = 5 },
        new("held-out images", o => (o.HoldOutFraction, o.HoldOutEverySteps) = (0.2, 3)),
        new("transforms", o => o.Loading = o.Loading with { Workers = 2 })
        {
            Images = 7,
            Transforms =
            [
                ImageTransform.RandomSquare(0.5), ImageTransform.RandomFlip(), ImageTransform.ColorJitter(0.2, 0.2),
                ImageTransform.RandomEdit("one pixel",
                    (image, draws) => image[0, 0, 0] = (float)draws.Uniform(RandomPurpose.Augmentation, 0)),
            ],
        },
        new("Adam", _ => { }) { Optimizer = Optimizers.Adam(weightDecay: 0.1) },
        new("Lion", _ => { }) { Optimizer = Optimizers.Lion() },
        new("8-bit AdamW", _ => { }) { Optimizer = Optimizers.AdamW8Bit() },
        new("Muon", _ => { }) { Optimizer = Optimizers.Muon() },
        new("Prodigy", o => o.LearningRate = LearningRate.Constant(1))
        {
            Optimizer = Optimizers.Prodigy(biasCorrection: true, safeguardWarmup: true),
        },
        new("schedule-free AdamW", _ => { }) { Optimizer = Optimizers.ScheduleFreeAdamW() },
        new("SGD of TorchSharp", _ => { })
        {
            Optimizer = Optimizers.FromTorch("sgd", (parameters, _) => TorchSharp.torch.optim.SGD(parameters, 0.1, momentum: 0.9)),
        },
        new("Adam of TorchSharp", _ => { })
        {
            Optimizer = Optimizers.FromTorch("amsgrad", (parameters, _) => TorchSharp.torch.optim.Adam(parameters, 0.1, amsgrad: true)),
        },
        new("parameter rules", o => o.ParameterRules =
        [
            new ParameterRule { Names = "time.*", Freezes = true }, new ParameterRule { Names = "conv_out.*", RateFactor = 0.5 },
        ]),
        new("loading threads", o => o.Loading = o.Loading with { Workers = 2 }) { Dropout = 0.1, Classes = 3 },
    ];

    /// <summary>A case by its name.</summary>
    /// <exception cref="ArgumentException">No case has this name.</exception>
    public static ResumeCase Named(string name) =>
        All.FirstOrDefault(one => one.Name == name)
            ?? throw new ArgumentException($"The case is {name}, but must be one of {string.Join(", ", All.Select(one => one.Name))}.");

    /// <summary>Trains in a folder, from its newest checkpoint.</summary>
    /// <param name="folder">The folder of the run.</param>
    /// <param name="steps">The steps of the whole run.</param>
    /// <param name="stopAt">Stops at this step; null to train to the end.</param>
    /// <param name="saveEach">Saves at every step during training and keeps all checkpoints; otherwise saves only at the end.</param>
    /// <returns>The contents of the last checkpoint, in a form that can be compared.</returns>
    public string Train(string folder, long steps, long? stopAt = null, bool saveEach = false)
    {
        using CancellationTokenSource stop = new();
        using TinyModel model = new(hidden: 4, classCount: Classes, dropoutProbability: Dropout);
        using StripedImages striped = new(Images, classCount: Classes);
        using IImageSource images = Transforms.Count == 0 ? striped : striped.With(Transforms);
        TrainerBuilder builder = Trainer.For(model)
            .UseDevice(ComputeDevice.Cpu(threads: 1))
            .UseData(images)
            .UseCheckpoints(folder)
            .UseOptimizer(Optimizer)
            .Configure(o =>
            {
                o.Steps = steps;
                o.BatchSize = 4;
                o.Seed = 7;
                o.CheckpointEverySteps = saveEach ? 1 : SavesNever;
                o.KeepCheckpointsEverySteps = saveEach ? 1 : null;
                Configure(o);
            });
        if (stopAt is { } step)
        {
            builder.AddPreview((int)step, _ => stop.Cancel());
        }

        using Trainer trainer = builder.Build();
        return Digest(trainer.Run(stop.Token).Checkpoint!);
    }

    /// <summary>Creates a run folder with only one checkpoint of another run.</summary>
    /// <param name="from">The folder of the run that has the checkpoint.</param>
    /// <param name="step">The step; 0 for none.</param>
    /// <param name="to">The folder of the run that resumes from there; it does not exist yet.</param>
    public static void Hand(string from, long step, string to)
    {
        if (step == 0)
        {
            return;
        }

        string name = new CheckpointName(step, Save: 1).ToString();
        string target = Path.Combine(to, "checkpoints", name);
        Directory.CreateDirectory(target);
        foreach (string file in Directory.GetFiles(Path.Combine(from, "checkpoints", name)))
        {
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        }
    }

    private static string Digest(string checkpoint)
    {
        CheckpointManifest manifest = CheckpointReader.ReadManifest(checkpoint);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{manifest.Step} {manifest.ImagesSeen} {manifest.SkippedSteps} {manifest.HeldOutLoss:R} "
                + $"{string.Join(' ', manifest.Files.Select(file => $"{file.Name}:{file.Sha256}"))}");
    }
}

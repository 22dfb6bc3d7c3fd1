using System.Globalization;
using Diffusion.Data;
using Diffusion.Training;
using Samples;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.TestKit;

/// <summary>
/// A short training run of a small U-Net, with or without a mistake, and the reports that the library should make.
/// </summary>
/// <param name="Name">What is special about it.</param>
/// <param name="Expected">
/// The expected reports, such as <c>Diverged</c>, <c>warning Ema</c> or <c>refused</c>: one of them is enough. Empty for a
/// healthy run.
/// </param>
public sealed record ScriptedRun(string Name, params string[] Expected)
{
    private const int Size = 16;

    /// <summary>Whether it takes only a few seconds.</summary>
    public bool IsShort { get; init; }

    /// <summary>A text that the report must contain.</summary>
    public string Says { get; init; } = string.Empty;

    /// <summary>The images; drawn shapes by default.</summary>
    public Func<IImageSource> Data { get; init; } = () => InMemoryImages.Load(DrawnShapes.Create(500, Size));

    /// <summary>Changes the network's options.</summary>
    public Func<UNet2DOptions, UNet2DOptions> Network { get; init; } = options => options;

    /// <summary>Changes the network.</summary>
    public Action<UNet2D> Weights { get; init; } = _ => { };

    /// <summary>Changes the run.</summary>
    public Action<TrainingOptions> Options { get; init; } = _ => { };

    /// <summary>Adds observers or previews to the run.</summary>
    public Action<TrainerBuilder> Builder { get; init; } = _ => { };

    /// <summary>Does other work during the run until it is disposed.</summary>
    public Func<IDisposable>? Beside { get; init; }

    /// <summary>Does something else instead of training.</summary>
    public Action? Instead { get; init; }

    /// <summary>Runs it.</summary>
    /// <returns>All reports of the library.</returns>
    public IReadOnlyList<ScriptedSaying> Run()
    {
        List<ScriptedSaying> said = [];
        try
        {
            if (Instead is not null)
            {
                Instead();
            }
            else
            {
                Train(said);
            }
        }
#pragma warning disable CA1031 // Every exception is a report of the library.
        catch (Exception error)
#pragma warning restore CA1031
        {
            said.Add(new ScriptedSaying(error is TrainingDivergedException ? "ended" : "refused", null, error.Message));
        }

        return said;
    }

    /// <summary>Whether the reports are right.</summary>
    public bool IsRight(IReadOnlyList<ScriptedSaying> said) => Expected.Length == 0
        ? said.Count == 0
        : said.Any(each => Expected.Any(kind => each.What == kind) && each.Text.Contains(Says, StringComparison.Ordinal));

    private void Train(List<ScriptedSaying> said)
    {
        using IImageSource source = Data();
        UNet2DOptions options = Network(new UNet2DOptions
        {
            SampleSize = new SampleSize(source.Shape.Height, source.Shape.Width),
            InChannels = source.Shape.Channels,
            OutChannels = source.Shape.Channels,
            BlockOutChannels = [16, 32],
            DownBlockTypes = [DownBlockType.DownBlock2D, DownBlockType.DownBlock2D],
            UpBlockTypes = [UpBlockType.UpBlock2D, UpBlockType.UpBlock2D],
            LayersPerBlock = 1,
            AttentionHeadDim = 16,
            NormNumGroups = 8,
        });
        using UNet2D network = new(options, seed: 1);
        Weights(network);
        TrainerBuilder builder = Trainer.For(network)
            .UseData(options.NumClassEmbeds is null ? new UnlabeledImages(source) : source)
            .UseDevice(ComputeDevice.Cpu(1))
            .Configure(run =>
            {
                run.LearningRate = LearningRate.Constant(5e-4);
                run.Steps = 800;
                run.BatchSize = 32;
                run.Ema = EmaLaw.Warmup(0.999).Description;
                run.ReportEverySteps = 20;
                run.Health = run.Health with { NoiseScaleEverySteps = 200 };
                Options(run);
            })
            .ReportFindingsTo(new Listener(finding => said.Add(new ScriptedSaying(finding.Kind.ToString(), finding.Step,
                $"{finding.Seen} {finding.Meaning} {finding.Remedy}"))));
        if (Expected.Length == 0)
        {
            builder.ReportTo(new FieldListener(said));
        }

        builder.ObserveWith(new SampleObserver());
        Builder(builder);
        using IDisposable? beside = Beside?.Invoke();
        using Trainer trainer = builder.Build();
        said.AddRange(trainer.Warnings.Select(warning => new ScriptedSaying($"warning {warning.Option}", 0, warning.Text)));
        trainer.Run();
    }

    // Every field of a report that shows a problem.
    private sealed class FieldListener(List<ScriptedSaying> said) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            (string Field, string? Value)[] fields =
            [
                (nameof(value.LeakedTensors), value.LeakedTensors.Count == 0 ? null : string.Join(", ", value.LeakedTensors)),
                (nameof(value.Findings), value.Findings.Count == 0 ? null : string.Join(", ", value.Findings)),
                (nameof(value.FirstSkippedStep), value.FirstSkippedStep?.ToString(CultureInfo.InvariantCulture)),
                (nameof(value.SkippedSteps), value.SkippedSteps == 0 ? null : value.SkippedSteps.ToString(CultureInfo.InvariantCulture)),
                (nameof(value.BadImages), value.BadImages == 0 ? null : value.BadImages.ToString(CultureInfo.InvariantCulture)),
                (nameof(value.Loss), double.IsFinite(value.Loss) ? null : value.Loss.ToString(CultureInfo.InvariantCulture)),
                (nameof(value.HeldOutLoss), (value.HeldOutLoss is null) == (value.HeldOutLossStep is null) ? null : "without its step"),
            ];
            said.AddRange(fields.Where(field => field.Value is not null)
                .Select(field => new ScriptedSaying($"field {field.Field}", value.Step, field.Value!)));
        }
    }

    // Progress<T> would report later, from another thread.
    private sealed class Listener(Action<HealthFinding> hear) : IProgress<HealthFinding>
    {
        public void Report(HealthFinding value) => hear(value);
    }
}

/// <summary>A report of the library.</summary>
/// <param name="What">The kind of a finding, <c>warning</c> with its option, <c>refused</c>, or <c>ended</c>.</param>
/// <param name="Step">The step of the report; null if there was no step or it is not known.</param>
/// <param name="Text">The message.</param>
public sealed record ScriptedSaying(string What, long? Step, string Text);

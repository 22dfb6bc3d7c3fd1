using System.Globalization;
using Google.Protobuf;
using Tensorboard;
using TorchSharp;

namespace Diffusion.Training;

/// <summary>
/// Writes the reports of a run for TensorBoard. Pass it to <see cref="TrainerBuilder.ReportTo(IProgress{TrainingProgress})"/>, and start
/// <c>tensorboard --logdir</c> with its folder. A resumed run adds a new file to the folder. It records the step from which the run resumes
/// or to which it rolls back, so that TensorBoard discards earlier reports of later steps.
/// </summary>
public sealed class TensorBoardWriter : IProgress<TrainingProgress>
{
    private readonly EventFile file;
    private long? lastStep;
    private long? startStep;

    /// <summary>Creates a writer.</summary>
    /// <param name="folder">The folder of the event files. It is created if it does not exist.</param>
    /// <exception cref="IOException">The folder cannot be created or written to.</exception>
    public TensorBoardWriter(string folder)
        : this(folder, TimeProvider.System)
    {
    }

    internal TensorBoardWriter(string folder, TimeProvider time)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        string path = Path.GetFullPath(folder);
        Directory.CreateDirectory(path);
        file = new EventFile(path, time);
    }

    /// <summary>Writes one report, completely or not at all.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Report(TrainingProgress value)
    {
        ArgumentNullException.ThrowIfNull(value);
        long firstStep = Math.Min(value.Step, value.Step - value.StepsReported + 1);
        if (lastStep is null || firstStep <= lastStep)
        {
            startStep = Math.Min(startStep ?? firstStep, firstStep);
        }

        lastStep = value.Step;
        file.Append([.. startStep is { } step
            ? [StartAt(step)]
            : Array.Empty<Event>(), .. Scalars(value), .. value.Findings.Select(TextOf)]);
        startStep = null; // Reset only after a successful write.
    }

    /// <summary>Writes images as one grid, which TensorBoard shows in its page of images.</summary>
    /// <param name="step">The number of optimizer steps taken.</param>
    /// <param name="name">The name of the series, for example <c>samples</c>.</param>
    /// <param name="images">Floating point <c>[N, C, H, W]</c> in [-1, 1], C 1 or 3. The caller keeps ownership.</param>
    /// <exception cref="ArgumentException">The images have another shape or type, or are not finite.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Write(long step, string name, torch.Tensor images)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        DecodedImage grid = ImageGrid.Arrange(images);
        file.Append([EventOf(step, new Summary.Types.Value
        {
            Tag = name,
            Image = new Summary.Types.Image
            {
                Width = grid.Width,
                Height = grid.Height,
                Colorspace = grid.Channels, // 1 is gray, 3 is RGB
                EncodedImageString = ByteString.CopyFrom(ImageCodec.Encode(grid)),
            },
        })]);
    }

    // TensorBoard discards its data of this step and of later ones.
    private static Event StartAt(long step) =>
        new() { Step = step, SessionLog = new SessionLog { Status = SessionLog.Types.SessionStatus.Start } };

    // From the least noise to the most, like LossByLogSnr.
    private static readonly string[] PartNames = ["above 4", "0 to 4", "-4 to 0", "below -4"];

    private static IEnumerable<Event> Scalars(TrainingProgress value)
    {
        (string Name, double? Value)[] scalars =
        [
            ("loss/training", value.Loss),
            ("loss/relative", value.RelativeLoss),
            .. value.LossByLogSnr.Select((loss, part) => ($"loss by log-SNR/{PartNames[part]}", (double?)loss)),
            ("gradients/mean norm", value.MeanGradientNorm),
            ("gradients/largest norm", value.MaxGradientNorm),
            ("gradients/clipped share", value.ClippedShare),
            ("gradients/noise scale", value.GradientNoiseScale),
            .. value.GradientsByBlock.Select(block => ($"gradients by block/{block.Key}", (double?)block.Value)),
            ("run/learning rate", value.LearningRate),
            ("run/images per second", value.ImagesPerSecond),
            ("run/data wait share", value.DataWaitShare),
            ("run/skipped steps", value.SkippedSteps),
            ("run/overflowed steps", value.LossScale is null ? null : value.OverflowedSteps),
            ("run/loss scale", value.LossScale),
        ];
        foreach ((string name, double? scalar) in scalars)
        {
            if (scalar is { } number)
            {
                yield return ScalarOf(value.Step, name, number);
            }
        }

        if (value.HeldOutLoss is { } heldOut)
        {
            yield return ScalarOf(value.HeldOutLossStep ?? value.Step, "loss/held out", heldOut);
        }
    }

    private static Event ScalarOf(long step, string name, double value) =>
        EventOf(step, new Summary.Types.Value { Tag = name, SimpleValue = (float)value });

    // The format of add_text in torch.utils.tensorboard.
    private static Event TextOf(HealthFinding finding) => EventOf(finding.Step, new Summary.Types.Value
    {
        Tag = $"findings/{finding.Kind}/text_summary",
        Metadata = new SummaryMetadata { PluginData = new SummaryMetadata.Types.PluginData { PluginName = "text" } },
        Tensor = new TensorProto
        {
            Dtype = DataType.DtString,
            TensorShape = new TensorShapeProto { Dim = { new TensorShapeProto.Types.Dim { Size = 1 } } },
            StringVal = { ByteString.CopyFromUtf8($"{finding.Seen} {finding.Meaning} {finding.Remedy}") },
        },
    });

    private static Event EventOf(long step, Summary.Types.Value value) =>
        new() { Step = step, Summary = new Summary { Value = { value } } };
}

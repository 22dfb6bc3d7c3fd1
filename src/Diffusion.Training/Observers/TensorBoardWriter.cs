using System.Globalization;
using TorchSharp;
using TorchSharp.Modules;

namespace Diffusion.Training;

/// <summary>
/// Writes a run's reports for TensorBoard: give it to <see cref="TrainerBuilder.ReportTo(IProgress{TrainingProgress})"/>, and start <c>tensorboard --logdir</c> with its folder.
/// A resumed run adds a file of its own to the folder, which TensorBoard joins by the step.
/// </summary>
public sealed class TensorBoardWriter : IProgress<TrainingProgress>
{
    private readonly SummaryWriter writer;

    /// <summary>A writer into a folder.</summary>
    /// <param name="folder">Made where it is not there.</param>
    /// <exception cref="IOException">The folder cannot be made.</exception>
    public TensorBoardWriter(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        TorchBackend.EnsureLoaded();
        folder = Path.GetFullPath(folder);
        Directory.CreateDirectory(folder);
        writer = torch.utils.tensorboard.SummaryWriter(folder);
    }

    /// <summary>Writes one report.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Report(TrainingProgress value)
    {
        ArgumentNullException.ThrowIfNull(value);
        Write(value.Step, ("loss/training", value.Loss), ("loss/relative", value.RelativeLoss), ("loss/held out", value.HeldOutLoss));
        Write(value.Step, [.. value.LossByTimestep.Select((loss, part) => (string.Create(CultureInfo.InvariantCulture, $"loss by timestep/quarter {part + 1}"), (double?)loss))]);
        Write(
            value.Step, ("gradients/mean norm", value.MeanGradientNorm), ("gradients/largest norm", value.LargestGradientNorm),
            ("gradients/clipped share", value.ClippedShare), ("gradients/noise scale", value.GradientNoiseScale));
        Write(value.Step, [.. value.GradientsByBlock.Select(block => ($"gradients by block/{block.Key}", (double?)block.Value))]);
        Write(
            value.Step, ("run/learning rate", value.LearningRate), ("run/images per second", value.ImagesPerSecond),
            ("run/data wait share", value.DataWaitShare), ("run/skipped steps", value.SkippedSteps));
        foreach (HealthFinding finding in value.Findings)
        {
            writer.add_text($"findings/{finding.Kind}", $"{finding.Seen} {finding.Meaning} {finding.Remedy}", (int)finding.Step);
        }
    }

    private void Write(long step, params ReadOnlySpan<(string Name, double? Value)> values)
    {
        foreach ((string name, double? value) in values)
        {
            if (value is { } number)
            {
                writer.add_scalar(name, (float)number, (int)step);
            }
        }
    }
}

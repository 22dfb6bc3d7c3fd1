using Diffusion.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>The loss of images, timesteps and noise that stay the same: two measurements differ by the weights alone.</summary>
internal sealed class LrEvaluation : IDisposable
{
    private const long SweepStream = 2;

    private readonly IDiffusionModel model;
    private readonly TrainingPass pass;
    private readonly ImageBatch batch;
    private readonly Tensor? labels;
    private readonly NoiseLevel[] levels;

    /// <param name="trial">Whose images and whose denoiser they are.</param>
    /// <param name="first">The position in the run of the first image.</param>
    /// <param name="images">How many.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public LrEvaluation(TrialRun trial, long first, int images, CancellationToken cancellationToken)
    {
        TrainerSetup setup = trial.Setup;
        TrainingParts parts = trial.Parts;
        model = setup.Model;
        pass = new TrainingPass(
            parts.Denoiser, setup.Objective, parts.Seeds.Child(RandomPurpose.HoldOut, SweepStream), parts.State.Objective)
        {
            IsMeasurement = true,
        };
        BatchPlan plan = new() { StepSize = images, BatchSize = images, Start = first };
        LoadingOptions loading = setup.Options.Loading with { Prefetch = 1 };
        using BatchLoader loader = new(setup.Source, parts.State.Data.Order(), plan, parts.Seeds, loading, trial.Device, parts.OnBadImage);
        batch = loader.Next(cancellationToken);
        if (batch.Positions.IsEmpty)
        {
            batch.Dispose();
            throw new ImageDataException(setup.Source.Description,
                $"none of the {images} images to measure the loss on can be read. Raise LrRangeOptions.EvaluationImages.");
        }

        labels = batch.ConditioningOf(model, trial.Device).ClassLabels;
        int count = batch.Positions.Length;
        levels = [.. Enumerable.Range(0, count).Select(place => pass.LevelAt((place + 0.5) / count))];
    }

    /// <summary>Measures now, without dropout. Waits for the device.</summary>
    /// <param name="batchSize">How many images at a time.</param>
    public double Measure(int batchSize)
    {
        model.Network.eval();
        using IDisposable noGradients = no_grad();
        double sum = 0;
        for (int first = 0; first < levels.Length; first += batchSize)
        {
            using DisposeScope scope = NewDisposeScope();
            int count = Math.Min(batchSize, levels.Length - first);
            Conditioning conditioning = labels is null ? Conditioning.None : new Conditioning { ClassLabels = labels }.Slice(first, count);
            ReadOnlySpan<long> positions = batch.Positions.Span.Slice(first, count);
            sum += count * pass.Loss(batch.Pixels.narrow(0, first, count), conditioning, levels.AsSpan(first, count)
                .ToArray(), positions).Read<float>();
        }

        return sum / levels.Length;
    }

    public void Dispose()
    {
        batch.Dispose();
        labels?.Dispose();
    }
}

using Diffusion.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// The loss of images, timesteps and noise that stay the same: two measurements differ by the weights alone. Several processes measure a
/// share each, and all get the mean over the images of all.
/// </summary>
internal sealed class LrEvaluation : IDisposable
{
    private const long SweepStream = 2;

    private readonly TrialRun trial;
    private readonly TrainingPass pass;
    private readonly ImageBatch? batch;
    private readonly Tensor? labels;
    private readonly NoiseLevel[] levels = [];
    private readonly long images;

    /// <param name="trial">Whose images and whose denoiser they are.</param>
    /// <param name="first">The position in the run of the first image.</param>
    /// <param name="count">How many.</param>
    /// <exception cref="ImageDataException">None can be read.</exception>
    public LrEvaluation(TrialRun trial, long first, int count)
    {
        this.trial = trial;
        TrainerSetup setup = trial.Setup;
        TrainingParts parts = trial.Parts;
        pass = new TrainingPass(
            parts.Denoiser, setup.Objective, parts.Seeds.Child(RandomPurpose.HoldOut, SweepStream), parts.State.Objective)
        {
            IsMeasurement = true,
        };
        (long from, long to) = ShareOf(count);
        if (to > from)
        {
            BatchPlan plan = new() { StepSize = (int)(to - from), BatchSize = (int)(to - from), Start = first + from };
            LoadingOptions loading = setup.Options.Loading with { Prefetch = 1 };
            using BatchLoader loader = new(
                setup.Source, parts.State.Data.Order(), plan, parts.Seeds, loading, trial.Device, parts.OnBadImage);
            batch = loader.Next(trial.WaitToken);
        }

        int own = batch?.Positions.Length ?? 0;
        long[] all = parts.Ranks is { } ranks ? [.. ranks.Exchange.Gather([(long)own]).Select(one => one[0])] : [own];
        images = all.Sum();
        if (images == 0)
        {
            batch?.Dispose();
            throw new ImageDataException(setup.Source.Description,
                $"none of the {count} images to measure the loss on can be read. Raise LrRangeOptions.EvaluationImages.");
        }

        if (own > 0)
        {
            long before = all.Take(setup.Processes?.Group.Rank ?? 0).Sum();
            labels = batch!.ConditioningOf(setup.Model, trial.Device).ClassLabels;
            levels = [.. Enumerable.Range(0, own).Select(place => pass.LevelAt((before + place + 0.5) / images))];
        }
    }

    /// <summary>Measures now, without dropout. Waits for the device.</summary>
    public double Measure()
    {
        trial.Setup.Model.Network.eval();
        using IDisposable noGradients = no_grad();
        int batchSize = trial.Setup.MicroBatchSize;
        double sum = 0;
        for (int first = 0; first < levels.Length; first += batchSize)
        {
            using DisposeScope scope = NewDisposeScope();
            int count = Math.Min(batchSize, levels.Length - first);
            Conditioning conditioning = labels is null ? Conditioning.None : new Conditioning { ClassLabels = labels }.Slice(first, count);
            ReadOnlySpan<long> positions = batch!.Positions.Span.Slice(first, count);
            sum += count * pass.Loss(batch.Pixels.narrow(0, first, count), conditioning, levels.AsSpan(first, count)
                .ToArray(), positions).Read<float>();
        }

        return (trial.Parts.Ranks is { } ranks ? ranks.Exchange.Sum([sum])[0] : sum) / images;
    }

    public void Dispose()
    {
        batch?.Dispose();
        labels?.Dispose();
    }

    // The images of this process, as a part of all of them.
    private (long From, long To) ShareOf(int count)
    {
        (long rank, long world) = trial.Setup.Processes is { Group: var group } ? (group.Rank, group.WorldSize) : (0, 1);
        return (count * rank / world, count * (rank + 1) / world);
    }
}

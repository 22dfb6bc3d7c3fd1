using Diffusion.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// The loss on images that training never sees. The noise levels are spread evenly over the training distribution and the noise never
/// changes, so two measurements differ only by the weights. If it rises while the training loss falls, the model overfits.
/// </summary>
internal sealed class HeldOutLoss
{
    /// <summary>The maximum number of images to measure: 1024.</summary>
    public const int MaxImages = 1024;

    private readonly TrainingPass pass;
    private readonly Denoiser denoiser;
    private readonly BatchReader reader;
    private readonly Action<BadImage>? onBadImage;
    private readonly long[] samples;

    /// <summary>Creates a measurement on held-out images.</summary>
    /// <param name="denoiser">The model to measure, usually with the averaged weights. The caller owns it.</param>
    /// <param name="objective">The objective of the training.</param>
    /// <param name="state">The parameters and state of the objective; null for none.</param>
    /// <param name="reader">Reads the images. The caller owns it.</param>
    /// <param name="split">The split that defines the held-out images. At most the first 1024 of them are used.</param>
    /// <param name="seeds">The seed stream of the run.</param>
    /// <param name="onBadImage">Receives each image that cannot be read, which is then skipped. Null, the default, throws instead.</param>
    public HeldOutLoss(
        Denoiser denoiser, IObjective objective, ObjectiveState? state, BatchReader reader, HeldOutSplit split, SeedStream seeds,
        Action<BadImage>? onBadImage = null)
    {
        ArgumentNullException.ThrowIfNull(denoiser);
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(split);
        this.denoiser = denoiser;
        this.reader = reader;
        this.onBadImage = onBadImage;
        samples = [.. Enumerable.Range(0, (int)Math.Min(split.HeldOutCount, MaxImages)).Select(i => split.HeldOutIndexAt(i))];
        pass = new TrainingPass(denoiser, objective, seeds.Child(RandomPurpose.HoldOut, 1), state) { IsMeasurement = true };
    }

    /// <summary>
    /// The processes that share the measurement: each measures some of the batches. Null, the default, measures all in this process.
    /// </summary>
    public RankExchange? Exchange { get; init; }

    /// <summary>Measures the loss. Waits for the device.</summary>
    /// <param name="batchSize">The number of images per batch.</param>
    /// <param name="cancellationToken">Ends the measurement between two batches.</param>
    /// <returns>The mean loss; NaN if no image can be read.</returns>
    /// <exception cref="OperationCanceledException">The operation was canceled.</exception>
    public double Measure(int batchSize, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        using IDisposable mode = EvaluationMode.Of(denoiser.Model.Network);
        return Mean(batchSize, cancellationToken);
    }

    private double Mean(int batchSize, CancellationToken cancellationToken)
    {
        using IDisposable noGradients = no_grad();
        double[] sums = new double[(samples.Length + batchSize - 1) / batchSize];
        double measured = 0;
        for (int place = Exchange?.Rank ?? 0; place < sums.Length; place += Exchange?.WorldSize ?? 1)
        {
            int first = place * batchSize;
            cancellationToken.ThrowIfCancellationRequested();
            using DisposeScope scope = NewDisposeScope();
            using ImageBatch? batch = reader.ReadGood(samples.AsSpan(first, Math.Min(batchSize, samples.Length - first)), onBadImage);
            if (batch is null)
            {
                continue;
            }

            long[] positions = [.. batch.Positions.ToArray().Select(position => first + position)];
            NoiseLevel[] levels = [.. positions.Select(position => pass.LevelAt((position + 0.5) / samples.Length))];
            Conditioning conditioning = batch.ConditioningOf(denoiser.Model, denoiser.Device);
            sums[place] = positions.Length * pass.Loss(batch.Pixels.to(denoiser.Device), conditioning, levels, positions).Read<float>();
            measured += positions.Length;
        }

        double[] all = Exchange is null ? [.. sums, measured] : Exchange.Sum([.. sums, measured]);
        return all[..^1].Sum() / all[^1];
    }
}

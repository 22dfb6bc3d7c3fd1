using Diffusion.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// The loss on images that training never sees, at noise levels spread evenly over those that are trained on and with noise that never
/// changes, so that two measurements differ by the weights alone. Where it rises while the training loss falls, the model overfits.
/// </summary>
internal sealed class HeldOutLoss
{
    /// <summary>The most images that are measured: 1024.</summary>
    public const int MaxImages = 1024;

    private readonly TrainingPass pass;
    private readonly Denoiser denoiser;
    private readonly BatchReader reader;
    private readonly Action<BadImage>? onBadImage;
    private readonly long[] samples;

    /// <summary>A measurement over held-out images.</summary>
    /// <param name="denoiser">What is measured, usually the averaged weights; stays the caller's.</param>
    /// <param name="objective">What the network learns.</param>
    /// <param name="state">What the objective learns and remembers; null for nothing.</param>
    /// <param name="reader">Reads the images; stays the caller's.</param>
    /// <param name="split">Which images are held out; at most the first 1024 of them are used.</param>
    /// <param name="seeds">The stream of the run.</param>
    /// <param name="onBadImage">Told of each image that cannot be read and is left out; null, the default, makes it an error.</param>
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

    /// <summary>Measures now. Waits for the device.</summary>
    /// <param name="batchSize">How many images at a time.</param>
    /// <param name="cancellationToken">Ends it between two batches.</param>
    /// <returns>The mean loss; not a number when no image can be read.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public double Measure(int batchSize, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        using IDisposable mode = EvaluationMode.Of(denoiser.Model.Network);
        return Mean(batchSize, cancellationToken);
    }

    private double Mean(int batchSize, CancellationToken cancellationToken)
    {
        using IDisposable noGradients = no_grad();
        double sum = 0;
        int measured = 0;
        for (int first = 0; first < samples.Length; first += batchSize)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using DisposeScope scope = NewDisposeScope();
            using ImageBatch? batch = reader.ReadGood(samples.AsSpan(first, Math.Min(batchSize, samples.Length - first)), onBadImage);
            if (batch is null)
            {
                continue;
            }

            long[] positions = [.. batch.Positions.ToArray().Select(place => first + place)];
            NoiseLevel[] levels = [.. positions.Select(place => pass.LevelAt((place + 0.5) / samples.Length))];
            Conditioning conditioning = batch.ConditioningOf(denoiser.Model, denoiser.Device);
            sum += positions.Length * pass.Loss(batch.Pixels.to(denoiser.Device), conditioning, levels, positions).item<float>();
            measured += positions.Length;
        }

        return sum / measured;
    }
}

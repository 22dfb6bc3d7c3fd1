using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Samples images at regular intervals with the averaged weights. Several processes sample them together, each its share. If the sampling
/// fails in one of them, the run ends in all.
/// </summary>
/// <param name="setup">The run.</param>
/// <param name="parts">The parts of the run, which the caller owns.</param>
internal sealed class SampleSharing(TrainerSetup setup, TrainingParts parts)
{
    /// <summary>Whether images are due after a step.</summary>
    public bool AreDue(long step) => setup.Samples.Any(samples => step % samples.EverySteps == 0);

    /// <summary>Samples the images that are due after the last step, and lets rank 0 use them. All processes call it.</summary>
    /// <param name="cancellationToken">Ends the sampling of a single process, which is not an error.</param>
    public void Take(CancellationToken cancellationToken)
    {
        foreach (ISharedSamples samples in setup.Samples.Where(samples => parts.State.Step % samples.EverySteps == 0))
        {
            Take(samples, cancellationToken);
            parts.Gauges.EndPause("a sampling", samples.EverySteps);
        }
    }

    private void Take(ISharedSamples samples, CancellationToken cancellationToken)
    {
        parts.WholeAverages?.Gather(Math.Min(1, parts.State.Averages.Count));
        using Tensor? images = Sample(samples, cancellationToken); // [N, C, H, W]
        parts.WholeAverages?.Release();
        if (images is not null)
        {
            TrainingSamples taken = new(parts.State.Step, images, parts.Reporter.TakeSamples);
            parts.Reporter.Shield("callback of AddSamples", () => samples.Use(taken), cancellationToken);
        }
    }

    // All images; null if this is not rank 0, or if the run was canceled.
    private Tensor? Sample(ISharedSamples samples, CancellationToken cancellationToken)
    {
        if (parts.Ranks is not { } ranks || setup.Processes is not { } processes)
        {
            try
            {
                return Share(samples, 0, samples.Count, cancellationToken);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return null;
            }
        }

        // A canceled process completes its share, because the others wait for it.
        ImageGather gather = new(processes.Group, parts.State.Parameters.Values.device);
        (int first, int count) = gather.ShareOf(processes.Group.Rank, samples.Count);
        using Tensor? own = count == 0 ? null : Share(samples, first, count, CancellationToken.None);
        ranks.WaitForFirst(); // a share may take longer than an operation
        return gather.Collect(own, samples.Count, ShapeOf(samples));
    }

    private Tensor Share(ISharedSamples samples, int first, int count, CancellationToken cancellationToken)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor images = samples.Sample(parts.EmaDenoiser, first, count, cancellationToken);
        ImageShape shape = ShapeOf(samples);
        bool fits = images.dtype == ScalarType.Float32 && images.device.type == DeviceType.CPU
            && images.shape.AsSpan().SequenceEqual([count, shape.Channels, shape.Height, shape.Width]);
        return fits
            ? images.MoveToOuterDisposeScope()
            : throw new InvalidOperationException(
                $"The sampler of AddSamples returned {images.dtype} [{string.Join(", ", images.shape)}] on {images.device}, but must "
                + $"return Float32 [{count}, {shape.Channels}, {shape.Height}, {shape.Width}] on the CPU. Correct its Sample.");
    }

    private ImageShape ShapeOf(ISharedSamples samples) => samples.Shape ?? setup.Source.Shape;
}

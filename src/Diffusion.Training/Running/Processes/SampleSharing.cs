using System.Runtime.ExceptionServices;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Samples images at regular intervals with the averaged weights. Several processes sample them together, each its share. If the sampling
/// fails in one of them, none uses the images, and the run continues with a finding.
/// </summary>
/// <param name="setup">The run.</param>
/// <param name="parts">The parts of the run, which the caller owns.</param>
internal sealed class SampleSharing(TrainerSetup setup, TrainingParts parts)
{
    /// <summary>Whether images are due after a step.</summary>
    public bool AreDue(long step) => Due(step).Any();

    /// <summary>Samples the images that are due after the last step, and lets rank 0 use them. All processes call it.</summary>
    /// <param name="cancellationToken">Ends the sampling of a single process, which is not an error.</param>
    public void Take(CancellationToken cancellationToken)
    {
        ISharedSamples[] due = [.. Due(parts.State.Step)];
        if (due.Length == 0)
        {
            return;
        }

        parts.WholeAverages?.Gather(Math.Min(1, parts.State.Averages.Count));
        Tensor?[] images = [.. due.Select(samples => Sample(samples, cancellationToken))]; // each [N, C, H, W]
        parts.WholeAverages?.Release();
        foreach ((ISharedSamples samples, Tensor? all) in due.Zip(images))
        {
            Use(samples, all, cancellationToken);
            parts.Gauges.EndPause("a sampling", samples.EverySteps);
        }
    }

    private IEnumerable<ISharedSamples> Due(long step) => setup.Samples.Where(samples => step % samples.EverySteps == 0);

    private void Use(ISharedSamples samples, Tensor? all, CancellationToken cancellationToken)
    {
        using Tensor? images = all; // [N, C, H, W]
        if (images is not null)
        {
            TrainingSamples taken = new(parts.State.Step, images, parts.Reporter.TakeSamples);
            parts.Reporter.Shield("callback of AddSamples", () => samples.Use(taken), cancellationToken);
        }
    }

    // All images; null if this is not rank 0, if the run was canceled, or if the sampling failed in a process, which is a finding.
    private Tensor? Sample(ISharedSamples samples, CancellationToken cancellationToken)
    {
        if (parts.Ranks is not { } ranks || setup.Processes is not { } processes)
        {
            Tensor? all = TryShare(samples, 0, samples.Count, cancellationToken, out Exception? error);
            Report(error, cancellationToken);
            return all;
        }

        // A canceled process completes its share, because the others wait for it.
        ImageGather gather = new(processes.Group, parts.State.Parameters.Values.device);
        (int first, int count) = gather.ShareOf(processes.Group.Rank, samples.Count);
        Exception? failure = null;
        using Tensor? own = count == 0 ? null : TryShare(samples, first, count, CancellationToken.None, out failure);
        ranks.WaitForFirst(); // a share may take longer than an operation
        string told = failure is null ? string.Empty : $"{failure.GetType().Name}: {failure.Message}";
        string[] failures = [.. ranks.Exchange.Gather(Encoding.UTF8.GetBytes(told)).Select(Encoding.UTF8.GetString)];
        int failed = Array.FindIndex(failures, message => message.Length > 0);
        if (failed < 0)
        {
            return gather.Collect(own, samples.Count, ShapeOf(samples));
        }

        Report(failure ?? new InvalidOperationException($"Rank {failed}: {failures[failed]}"), cancellationToken);
        return null;
    }

    private void Report(Exception? failure, CancellationToken cancellationToken)
    {
        if (failure is not null)
        {
            parts.Reporter.Shield("sampler of AddSamples", () => ExceptionDispatchInfo.Throw(failure), cancellationToken);
        }
    }

    private Tensor? TryShare(ISharedSamples samples, int first, int count, CancellationToken cancellationToken, out Exception? failure)
    {
        try
        {
            failure = null;
            return Share(samples, first, count, cancellationToken);
        }
#pragma warning disable CA1031 // Any exception is reported, and training continues.
        catch (Exception error)
#pragma warning restore CA1031
        {
            failure = error;
            return null;
        }
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

using System.Diagnostics;

namespace Diffusion.Training;

/// <summary>One span for each epoch of a run.</summary>
/// <param name="run">The name of the run.</param>
/// <param name="epochImages">The number of images in an epoch.</param>
internal sealed class EpochSpans(string run, long epochImages) : IDisposable
{
    private Activity? current;
    private long epoch = -1;

    /// <summary>Starts the span of the epoch at a position, unless it has started, and ends the one before it.</summary>
    /// <param name="imagesSeen">The position.</param>
    public void MoveTo(long imagesSeen)
    {
        long next = imagesSeen / epochImages;
        if (next != epoch)
        {
            current?.Dispose();
            (epoch, current) = (next, TrainingActivity.StartEpoch(run, next));
        }
    }

    /// <summary>Ends the last span.</summary>
    public void Dispose() => current?.Dispose();
}

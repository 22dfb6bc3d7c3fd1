namespace Diffusion.Training;

/// <summary>What a few steps took on this device, with this network, these images and these options.</summary>
internal sealed record StepCalibration
{
    /// <summary>Where it was measured.</summary>
    public required string Device { get; init; }

    /// <summary>The CPU threads of the computation.</summary>
    public required int CpuThreads { get; init; }

    /// <summary>The processes that made the steps together.</summary>
    public int Processes { get; init; } = 1;

    /// <summary>How many steps were measured; those of the first three seconds, two at least, were not.</summary>
    public required int Steps { get; init; }

    /// <summary>
    /// The mean time of an optimizer step: reading, forward and backward passes, update; of several processes, that of the slowest, with
    /// the communication that the backward pass does not hide.
    /// </summary>
    public required TimeSpan StepTime { get; init; }

    /// <summary>The share of that in which images were waited for, 0 to 1.</summary>
    public required double DataWaitShare { get; init; }

    /// <summary>The time to send what a step sends, while nothing is computed. Zero for a single process.</summary>
    public TimeSpan CommunicationTime { get; init; }

    /// <summary>The time of a forward pass without gradients.</summary>
    public required TimeSpan ForwardTime { get; init; }

    /// <summary>The images of that pass.</summary>
    public required int ForwardImages { get; init; }
}

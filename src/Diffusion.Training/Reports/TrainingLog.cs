using Diffusion.Data;
using Microsoft.Extensions.Logging;

namespace Diffusion.Training;

/// <summary>The log messages of a trainer.</summary>
internal static partial class TrainingLog
{
    private static readonly Func<ILogger, string, IDisposable?> RunScope = LoggerMessage.DefineScope<string>("run {Run}");

    /// <summary>The scope of all messages of a run.</summary>
    public static IDisposable? BeginRun(ILogger logger, string run) => RunScope(logger, run);

    [LoggerMessage(1, LogLevel.Information,
        "Training on {Device} with {Threads} CPU threads: {Images} images of {Shape}, {Parameters} parameters, "
            + "from step {Step} to {Steps}")]
    public static partial void Started(ILogger logger, string device, int threads, long images, string shape, long parameters, long step,
        long steps);

    [LoggerMessage(19, LogLevel.Information,
        "Gradient checkpointing recomputes {Recomputed} of {Blocks} blocks. The estimate: {Memory}")]
    public static partial void Recomputes(ILogger logger, int recomputed, int blocks, string memory);

    [LoggerMessage(16, LogLevel.Information, "Images: {Report}")]
    public static partial void Images(ILogger logger, string report);

    [LoggerMessage(2, LogLevel.Information,
        "Step {Step}: loss {Loss:F4}, gradient norm {GradientNorm:F3}, learning rate {LearningRate:G3}, {ImagesPerSecond:F0} images/s")]
    public static partial void Progress(ILogger logger, long step, double loss, double gradientNorm, double learningRate,
        double imagesPerSecond);

    [LoggerMessage(3, LogLevel.Information, "Saved {Path}")]
    public static partial void Saved(ILogger logger, string path);

    [LoggerMessage(4, LogLevel.Information, "Resumed from {Path} at step {Step}")]
    public static partial void Resumed(ILogger logger, string path, long step);

    [LoggerMessage(5, LogLevel.Information, "Changed on resuming: {Changes}")]
    public static partial void ChangedOnResume(ILogger logger, string changes);

    [LoggerMessage(6, LogLevel.Warning,
        "{Skipped} of the last {Steps} steps were skipped because their gradients were not finite; {Total} in the complete run")]
    public static partial void Skipped(ILogger logger, long skipped, long steps, long total);

    [LoggerMessage(18, LogLevel.Information,
        "{Overflowed} of the last {Steps} steps were skipped because their gradients overflowed float16; the loss scale is now "
            + "{LossScale}; {Total} such steps in the complete run")]
    public static partial void Overflowed(ILogger logger, long overflowed, long steps, double lossScale, long total);

    [LoggerMessage(7, LogLevel.Error, "A {What} threw an exception at step {Step}; training continues")]
    public static partial void CallbackThrew(ILogger logger, Exception error, string what, long step);

    [LoggerMessage(8, LogLevel.Information, "Held-out loss at step {Step}: {Loss:F4}")]
    public static partial void HeldOut(ILogger logger, long step, double loss);

    [LoggerMessage(9, LogLevel.Information, "Ended at step {Step}: {Reason}")]
    public static partial void Ended(ILogger logger, long step, StopReason reason);

    [LoggerMessage(10, LogLevel.Warning, "{Name} could not be read: {Reason}")]
    public static partial void BadImage(ILogger logger, string name, string reason);

    [LoggerMessage(13, LogLevel.Error, "A checkpoint could not be saved")]
    public static partial void NotSaved(ILogger logger, Exception problem);

    [LoggerMessage(17, LogLevel.Error, "Rank {Rank} failed, and the other processes end too")]
    public static partial void EndsGroup(ILogger logger, Exception problem, int rank);

    [LoggerMessage(14, LogLevel.Warning, "{Finding}")]
    public static partial void Found(ILogger logger, HealthFinding finding);

    [LoggerMessage(15, LogLevel.Warning,
        "The loss diverged: training continues from {Path} at step {Step} with learning rate {LearningRate:G3}")]
    public static partial void RolledBack(ILogger logger, string path, long step, double learningRate);

    [LoggerMessage(12, LogLevel.Warning, "{Warning}")]
    public static partial void Unusual(ILogger logger, TrainingWarning warning);
}

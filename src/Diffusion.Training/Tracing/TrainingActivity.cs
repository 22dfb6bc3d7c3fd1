using System.Diagnostics;

namespace Diffusion.Training;

/// <summary>
/// The spans of training for tracing: source <c>Diffusion.Training</c>; a run contains epochs, and an epoch the checkpoints saved in it.
/// </summary>
internal static class TrainingActivity
{
    /// <summary>The name of the source.</summary>
    public const string SourceName = "Diffusion.Training";

    private static readonly ActivitySource Source = new(SourceName);

    /// <summary>Starts the span of a call of <see cref="Trainer.Run"/>; null if nobody listens.</summary>
    /// <param name="run">The name of the run.</param>
    public static Activity? StartRun(string run) => Source.StartActivity("diffusion.run")?.SetTag("diffusion.run", run);

    /// <summary>Starts the span of an epoch; null if nobody listens.</summary>
    /// <param name="run">The name of the run.</param>
    /// <param name="epoch">The epoch, from 0.</param>
    public static Activity? StartEpoch(string run, long epoch) =>
        Source.StartActivity("diffusion.epoch")?.SetTag("diffusion.run", run).SetTag("diffusion.epoch", epoch);

    /// <summary>Starts the span in which a checkpoint is written and verified; null if nobody listens.</summary>
    /// <param name="step">The step of the checkpoint.</param>
    public static Activity? StartCheckpoint(long step) => Source.StartActivity("diffusion.checkpoint")?.SetTag("diffusion.step", step);

    /// <summary>Marks a span as failed.</summary>
    public static void Fail(this Activity? activity, Exception error) =>
        activity?.SetStatus(ActivityStatusCode.Error, error.Message).AddException(error);
}

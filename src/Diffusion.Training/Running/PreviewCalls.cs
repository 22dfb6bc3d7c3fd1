namespace Diffusion.Training;

/// <summary>Calls the previews of a run. Only rank 0 has previews.</summary>
/// <param name="setup">The run.</param>
/// <param name="parts">The parts of the run, which the caller owns.</param>
internal sealed class PreviewCalls(TrainerSetup setup, TrainingParts parts)
{
    /// <summary>Whether a preview is due after a step.</summary>
    public bool AreDue(long step) => setup.Previews.Any(preview => preview.IsDue(step, setup.Options.Steps));

    /// <summary>Calls the previews that are due after the last step.</summary>
    /// <param name="cancellationToken">Ends a preview that observes it, which is not an error.</param>
    public void Call(CancellationToken cancellationToken)
    {
        long step = parts.State.Step;
        TrainerSetup.Preview[] due = [.. setup.Previews.Where(preview => preview.IsDue(step, setup.Options.Steps))];
        if (due.Length == 0)
        {
            return;
        }

        parts.WholeAverages?.Gather(Math.Min(1, parts.State.Averages.Count), asks: true);
        foreach (TrainerSetup.Preview preview in due)
        {
            TrainingPreview current = new(step, parts.EmaDenoiser, cancellationToken) { OnSamples = parts.Reporter.TakeSamples };
            parts.Reporter.Shield("preview", () => preview.Action(current), cancellationToken);
            parts.Gauges.EndPause("a preview", preview.EverySteps, preview.AlsoAtEnd);
        }

        parts.WholeAverages?.Release();
    }
}

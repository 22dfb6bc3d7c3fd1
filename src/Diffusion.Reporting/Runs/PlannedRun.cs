using Diffusion.Training;

namespace Diffusion.Reporting;

/// <summary>The predictions of a plan that a page compares with the run.</summary>
/// <param name="Steps">The optimizer steps.</param>
/// <param name="StepTime">The mean time of a step.</param>
/// <param name="Duration">The time of the run.</param>
/// <param name="FirstSamplesStep">The step at which samples should become recognizable.</param>
/// <param name="CheckpointBytes">The size of a checkpoint.</param>
internal sealed record PlannedRun(long Steps, TimeSpan StepTime, TimeSpan Duration, long FirstSamplesStep, long CheckpointBytes)
{
    /// <summary>Takes the predictions of a plan; null of none.</summary>
    public static PlannedRun? Of(TrainingPlan? plan) => plan is null
        ? null
        : new PlannedRun(plan.Steps, plan.StepTime, plan.Duration, plan.FirstSamplesStep, plan.CheckpointBytes);
}

namespace Diffusion;

/// <summary>The keys of the schedule as a file has them: several values mean the same schedule.</summary>
/// <param name="ClassName">The class of the file.</param>
/// <param name="Schedule">The schedule that they mean.</param>
/// <param name="Values">The values, with the defaults of the class; without that of the prediction.</param>
internal sealed record ScheduleKeys(string ClassName, INoiseSchedule Schedule, IReadOnlyDictionary<string, object?> Values)
{
    /// <summary>Whether a scheduler still has the class and the schedule of the file.</summary>
    public bool AreOf(DiffusersScheduler scheduler) => ClassName == scheduler.ClassName && ReferenceEquals(Schedule, scheduler.Schedule);
}

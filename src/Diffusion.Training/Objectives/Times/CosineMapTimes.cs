namespace Diffusion.Training;

/// <summary>The flow time has the density 2 / (pi (1 - 2 t + 2 t^2)).</summary>
internal sealed record CosineMapTimes : ITimeLaw
{
    public string Description => "cosine-map";

    public double TimeAt(double quantile, INoiseSchedule schedule) =>
        ScheduleTime.OfFlowTime(1 - (1 / (Math.Tan(Math.PI * quantile / 2) + 1)), schedule);
}

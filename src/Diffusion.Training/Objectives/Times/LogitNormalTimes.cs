namespace Diffusion.Training;

/// <summary>The log-odds of the flow time are normal.</summary>
internal sealed record LogitNormalTimes(double Mean, double Deviation) : ITimeLaw
{
    public string Description => PartText.Of("logit-normal", ("mean", Mean), ("deviation", Deviation));

    public double TimeAt(double quantile, INoiseSchedule schedule) =>
        ScheduleTime.OfFlowTime(1 / (1 + Math.Exp(-Mean - (Deviation * NormalQuantile.At(quantile)))), schedule);
}

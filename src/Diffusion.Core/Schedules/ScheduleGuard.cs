namespace Diffusion;

/// <summary>Refuses times and half log-SNRs for which no schedule has a level.</summary>
internal static class ScheduleGuard
{
    public static void Time(INoiseSchedule schedule, double time)
    {
        if (!(time >= schedule.FirstTime && time <= schedule.LastTime))
        {
            throw new ArgumentOutOfRangeException(
                nameof(time), time,
                    $"A time of {schedule.Description} lies in [{schedule.FirstTime}, {schedule.LastTime}], both included.");
        }
    }

    public static void Number(double value, string name)
    {
        if (double.IsNaN(value))
        {
            throw new ArgumentOutOfRangeException(name, value, "The half log-SNR must be a number, or infinite.");
        }
    }

    public static void Finite(double value, string name)
    {
        if (!double.IsFinite(value))
        {
            throw new ArgumentOutOfRangeException(name, value, "The half log-SNR must be finite: a clean image is NoiseLevel.Clean.");
        }
    }
}

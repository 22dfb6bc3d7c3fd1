namespace Diffusion.Training;

/// <summary>Formats times.</summary>
internal static class TimeText
{
    /// <summary>Formats a time in its two largest units.</summary>
    public static string Of(TimeSpan time) => time.TotalSeconds switch
    {
        < 1 => Text($"{time.TotalMilliseconds:F0} ms"),
        < 60 => Text($"{time.TotalSeconds:F1} s"),
        < 3600 => Text($"{(int)time.TotalMinutes} min {time.Seconds} s"),
        < 86_400 => Text($"{(int)time.TotalHours} h {time.Minutes} min"),
        _ when time.TotalDays < 100 => Text($"{(int)time.TotalDays} d {time.Hours} h"),
        _ => Text($"{time.TotalDays:N0} d"),
    };

    private static string Text(InvariantText text) => text.ToString();
}

using System.Globalization;
using System.Text;

namespace Diffusion.Training;

/// <summary>A sweep of the learning rate as text.</summary>
internal static class LrRangeText
{
    private const int Rows = 20;

    /// <summary>A learning rate with two digits: 4.6e-4.</summary>
    public static string Rate(double rate) =>
        rate.ToString("0.0e-0", CultureInfo.InvariantCulture).Replace(".0e", "e", StringComparison.Ordinal);

    public static string Csv(LrRange range)
    {
        StringBuilder text = new("learning_rate,loss,smoothed\n");
        foreach (LrRangePoint point in range.Points)
        {
            text.Append(CultureInfo.InvariantCulture, $"{point.LearningRate:R},{point.Loss:R},{point.Smoothed:R}\n");
        }

        return text.ToString();
    }

    public static string Table(LrRange range)
    {
        StringBuilder text = new();
        int count = range.Points.Count;
        int shown = Math.Min(count, Rows);
        text.Append(CultureInfo.InvariantCulture,
            $"{"rate",8} {"loss",9} {"smoothed",9}   {shown} of {count} rates shown; {Ending(range)}\n");
        foreach (int row in Enumerable.Range(0, shown))
        {
            LrRangePoint point = range.Points[shown == 1 ? 0 : (int)((long)row * (count - 1) / (shown - 1))];
            text.Append(CultureInfo.InvariantCulture, $"{Rate(point.LearningRate),8} {point.Loss,9:F4} {point.Smoothed,9:F4}\n");
        }

        foreach (LrSuggestion suggestion in range.Suggestions)
        {
            text.Append(CultureInfo.InvariantCulture, $"{suggestion.Rule,-15} {suggestion}\n");
        }

        return text.ToString();
    }

    /// <summary>Why a sweep ended, in words.</summary>
    public static string Ending(LrRange range) => range.End switch
    {
        LrRangeEnd.Diverged => $"the loss was ten times the first at {Rate(range.EndedAt!.Value)}",
        LrRangeEnd.NotFinite when range.EndedAt is null => "the loss was not finite before the first step",
        LrRangeEnd.NotFinite => $"numbers were not finite at {Rate(range.EndedAt!.Value)}",
        LrRangeEnd.Risen => "the loss rose",
        LrRangeEnd.Canceled => "the sweep was canceled",
        _ => "every rate was tried",
    };
}

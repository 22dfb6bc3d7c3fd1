using System.Globalization;

namespace Diffusion.Training;

/// <summary>Reads suggestions from the losses of a sweep.</summary>
internal static class LrRangeReading
{
    /// <summary>How much higher than the default suggestion the rate with the lowest loss is.</summary>
    public const double Decade = 10;

    /// <summary>What a sweep says.</summary>
    /// <param name="losses">The loss after each step; finite ones.</param>
    /// <param name="startLoss">The loss before the first step.</param>
    /// <param name="end">Why it ended.</param>
    /// <param name="range">What was tried.</param>
    public static LrRange Of(IReadOnlyList<double> losses, double startLoss, LrRangeEnd end, LrRangeOptions range)
    {
        LrCurve curve = new(losses, range, end == LrRangeEnd.NotFinite);
        return new LrRange
        {
            StartLoss = startLoss,
            Points = [.. losses.Select((loss, i) => new LrRangePoint(curve.Rates[i], loss, curve.Smoothed[i]))],
            End = end,
            EndedAt = end switch
            {
                LrRangeEnd.Diverged => range.RateAt(losses.Count - 1),
                LrRangeEnd.NotFinite when double.IsFinite(startLoss) => range.RateAt(losses.Count),
                _ => null,
            },
            Suggestions = Silence(curve, startLoss, end, range) is { } reason
                ? [.. Enum.GetNames<LrSuggestionRule>().Where(rule => rule != nameof(LrSuggestionRule.Confirmed))
                    .Select(rule => new LrSuggestion(rule, null, reason))]
                : [Lowest(curve, end, range), Steepest(curve), Valley(curve), Slide(curve)],
        };
    }

    /// <summary>What a sweep says after short runs at the rates that it suggested.</summary>
    /// <param name="read">What the curve says.</param>
    /// <param name="confirmation">The runs.</param>
    public static LrRange Confirmed(LrRange read, LrConfirmation confirmation)
    {
        string runs = string.Join(", ", confirmation.Candidates.Select(candidate => string.Create(
            CultureInfo.InvariantCulture,
            $"{(double.IsFinite(candidate.Loss) ? $"{candidate.Loss:G4}" : "broken")} at {Rate(candidate.LearningRate)}")));
        string cost = string.Create(
            CultureInfo.InvariantCulture, $"after {confirmation.Steps} steps of each ({confirmation.Elapsed.TotalSeconds:F0} s)");
        LrSuggestion first = confirmation.Best is { } best
            ? new LrSuggestion(nameof(LrSuggestionRule.Confirmed), best.LearningRate, $"the loss was {runs}, {cost}.")
            : new LrSuggestion(nameof(LrSuggestionRule.Confirmed), null,
                $"training broke at every rate: {runs}, {cost}. Set LrRangeOptions.Lowest lower, or check the network.");
        return read with { Confirmation = confirmation, Suggestions = [first, .. read.Suggestions] };
    }

    // Why a curve says nothing at all.
    private static string? Silence(LrCurve curve, double startLoss, LrRangeEnd end, LrRangeOptions range)
    {
        string rate = Rate(curve.Rates.Count < range.Steps ? range.RateAt(curve.Rates.Count) : range.Last);
        string cure = end == LrRangeEnd.Canceled
            ? "Let the sweep run on."
            : $"Start at a lower rate: set LrRangeOptions.Lowest to {Rate(range.Lowest / 100)}.";
        return !double.IsFinite(startLoss) && end == LrRangeEnd.NotFinite
                ? "the loss is infinite or not a number before the first step. Check the weights that the sweep begins with."
            : curve.Rates.Count < LrCurve.MinPoints
                ? $"only {curve.Rates.Count} rates were tried before {How(end, rate)}, at least {LrCurve.MinPoints} are needed. {cure}"
            : curve.Falls ? null
            : curve.Rises ? "the loss never falls, and "
                + $"{(OnlyEnds(curve, end) ? How(end, rate) : $"has risen at {Rate(curve.Rates[curve.Count - 1])}")}. {cure}"
            : end == LrRangeEnd.Canceled ? $"the loss had not changed when {How(end, rate)}. {cure}"
            : $"the loss is the same at every rate up to {Rate(range.Last)}. {Raise(range, "check that the model is trained at all")}";
    }

    private static LrSuggestion Lowest(LrCurve curve, LrRangeEnd end, LrRangeOptions range)
    {
        double lowest = curve.Rates[curve.Lowest];
        string loss = string.Create(CultureInfo.InvariantCulture, $"{curve.Smoothed[curve.Lowest]:G4}");
        return curve.Rises
            ? new LrSuggestion(nameof(LrSuggestionRule.TenthOfLowest), lowest / Decade,
                $"a tenth of {Rate(lowest)}, where the loss was lowest ({loss}) before "
                    + $"{(OnlyEnds(curve, end) ? "numbers were not finite" : "it rose")}.")
            : new LrSuggestion(
                nameof(LrSuggestionRule.TenthOfLowest),
                null,
                end == LrRangeEnd.Canceled
                    ? $"the loss had not risen when the sweep was canceled, after {Rate(curve.Rates[^1])}. Let the sweep run on."
                    : $"the loss never rises; it is lowest ({loss}) at {Rate(lowest)}, and the highest rate tried was "
                        + $"{Rate(range.Last)}. {Raise(range, "use another rule")}");
    }

    private static LrSuggestion Steepest(LrCurve curve) =>
        new(nameof(LrSuggestionRule.SteepestDescent), curve.Rates[LrRules.SteepestDescent(curve)], "where the loss fell most steeply.");

    private static LrSuggestion Valley(LrCurve curve) =>
        new(nameof(LrSuggestionRule.Valley), curve.Rates[LrRules.Valley(curve)], "the middle of the longest fall of the loss.");

    private static LrSuggestion Slide(LrCurve curve) => LrRules.Slide(curve) is { } place
        ? new LrSuggestion(nameof(LrSuggestionRule.Slide), curve.Rates[place], "where the slopes of the loss become alike.")
        : new LrSuggestion(nameof(LrSuggestionRule.Slide), null,
            "the slopes of the loss are alike at the high end, from which the rule begins. Use another rule.");

    // Whether numbers that are not finite came without a rise before them.
    private static bool OnlyEnds(LrCurve curve, LrRangeEnd end) => end == LrRangeEnd.NotFinite && curve.Count == curve.Rates.Count;

    private static string How(LrRangeEnd end, string rate) => end switch
    {
        LrRangeEnd.Diverged => "the loss diverged",
        LrRangeEnd.NotFinite => $"numbers were not finite at {rate}",
        _ => $"the sweep was canceled at {rate}",
    };

    private static string Raise(LrRangeOptions range, string otherwise) => range.Last < 1
        ? $"Raise LrRangeOptions.Highest to {Rate(Math.Min(1, range.Last * Decade))}."
        : $"No higher rate can be tried: {otherwise}.";

    private static string Rate(double rate) => LrRangeText.Rate(rate);
}

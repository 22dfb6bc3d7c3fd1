namespace Diffusion.Training;

/// <summary>What one rule reads from a sweep.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="LearningRate">The peak learning rate it suggests; null where the curve does not say.</param>
/// <param name="Reason">Where on the curve that is; or why there is none, and what to do.</param>
public sealed record LrSuggestion(LrSuggestionRule Rule, double? LearningRate, string Reason)
{
    /// <summary>The suggestion in one line.</summary>
    public override string ToString() => LearningRate is { } rate ? $"{LrRangeText.Rate(rate)}: {Reason}" : $"No suggestion: {Reason}";
}

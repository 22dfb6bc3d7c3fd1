namespace Diffusion.Training;

/// <summary>The learning rate that one rule suggests.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="LearningRate">The suggested peak learning rate, or null if the curve does not show one.</param>
/// <param name="Reason">The place on the curve; or the reason why there is none, and what to do.</param>
public sealed record LrSuggestion(LrSuggestionRule Rule, double? LearningRate, string Reason)
{
    /// <summary>The suggestion in one line.</summary>
    public override string ToString() => LearningRate is { } rate ? $"{LrRangeText.Rate(rate)}: {Reason}" : $"No suggestion: {Reason}";
}

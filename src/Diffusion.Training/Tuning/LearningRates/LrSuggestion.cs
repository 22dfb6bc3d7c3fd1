namespace Diffusion.Training;

/// <summary>The learning rate that one rule suggests.</summary>
/// <param name="Rule">
/// The rule. <c>Confirmed</c>, the default: the rate with the lowest loss of the short runs (<see cref="LrRange.Confirmation"/>). The
/// others read the smoothed curve. <c>TenthOfLowest</c>: a tenth of the rate at which the loss is lowest before it
/// rises (fastai's <c>minimum</c>). <c>SteepestDescent</c>: the rate at which the loss falls most steeply (Smith 2017). <c>Valley</c>: the
/// middle of the longest fall (fastai). <c>Slide</c>: the lower of two points that slide down from the high end until their slopes agree
/// (fastai).
/// </param>
/// <param name="LearningRate">The suggested peak learning rate, or null if the curve does not show one.</param>
/// <param name="Reason">The place on the curve; or the reason why there is none, and what to do.</param>
public sealed record LrSuggestion(string Rule, double? LearningRate, string Reason)
{
    /// <summary>The suggestion in one line.</summary>
    public override string ToString() => LearningRate is { } rate ? $"{LrRangeText.Rate(rate)}: {Reason}" : $"No suggestion: {Reason}";
}

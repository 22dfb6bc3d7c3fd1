namespace Diffusion.Training;

/// <summary>A rule that derives a learning rate from the smoothed curve of a sweep.</summary>
internal enum LrSuggestionRule
{
    /// <summary>The rate with the lowest loss after short runs at the rates below the one with the lowest loss: the default.</summary>
    Confirmed,

    /// <summary>A tenth of the rate at which the loss is lowest before it rises (fastai's <c>minimum</c>).</summary>
    TenthOfLowest,

    /// <summary>The rate at which the loss falls most steeply over the logarithm of the rate (Smith 2017; fastai's <c>steep</c>).</summary>
    SteepestDescent,

    /// <summary>
    /// The middle of the longest falling part of the curve, ignoring rises within it (fastai's <c>valley</c>, by ESRI). The part begins
    /// where the loss has fallen by a hundredth of its total fall, because a curve without noise falls a little at every rate.
    /// </summary>
    Valley,

    /// <summary>
    /// Two points, 15 rates apart, slide down from the high end until their slopes differ by at most 0.005 of the first loss per rate. The
    /// rule takes the lower point (fastai's <c>slide</c>).
    /// </summary>
    Slide,
}

namespace Diffusion.Training;

/// <summary>How a learning rate is read from the curve of a sweep. Every rule reads the smoothed curve.</summary>
public enum LrSuggestionRule
{
    /// <summary>A tenth of the rate at which the loss is lowest before it rises (fastai's <c>minimum</c>): the default.</summary>
    TenthOfLowest,

    /// <summary>The rate at which the loss falls most steeply over the logarithm of the rate (Smith 2017; fastai's <c>steep</c>).</summary>
    SteepestDescent,

    /// <summary>
    /// The middle of the longest fall of the curve, not counting what rises within it (fastai's <c>valley</c>, by ESRI); from where the
    /// loss has fallen by a hundredth of its whole fall, as a curve without noise falls a little at every rate.
    /// </summary>
    Valley,

    /// <summary>
    /// Two places, 15 rates apart, slide down from the high end until their slopes differ by at most 0.005 of the first loss per rate: the
    /// lower place (fastai's <c>slide</c>).
    /// </summary>
    Slide,
}

namespace Diffusion.Training;

/// <summary>The loss functions. Options name them by their <see cref="ILossFunction.Description"/>.</summary>
public static class LossFunction
{
    /// <summary>The squared difference: <c>mse</c>.</summary>
    public static ILossFunction SquaredError { get; } = new SquaredError();

    /// <summary>The absolute difference: <c>l1</c>.</summary>
    public static ILossFunction AbsoluteError { get; } = new AbsoluteError();

    /// <summary>The names that options can use.</summary>
    internal static PartNames<ILossFunction> Names { get; } = new(
        "loss function",
        part => part.Description,
        new("mse", _ => SquaredError),
        new("l1", _ => AbsoluteError),
        new("huber", values => Huber(values[0]), ("threshold", 1)),
        new("smooth-l1", values => SmoothL1(values[0]), ("threshold", 1)),
        new("pseudo-huber", values => PseudoHuber(values[0]), ("threshold", 0.1)),
        new("pseudo-huber-norm", values => PseudoHuberNorm(values[0]), ("scale", 0.00054)));

    /// <summary>
    /// Half the squared difference up to a threshold, and a straight line beyond (Huber 1964): <c>huber(threshold: 1)</c>.
    /// </summary>
    /// <param name="threshold">Where the line begins, above 0. Default 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not above 0.</exception>
    public static ILossFunction Huber(double threshold = 1) => new HuberLoss(PartRange.Positive(threshold, 1));

    /// <summary>
    /// <see cref="Huber"/> divided by its threshold, so that the line has slope 1 (Girshick 2015): <c>smooth-l1(threshold: 1)</c>.
    /// </summary>
    /// <param name="threshold">Where the line begins, above 0. Default 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not above 0.</exception>
    public static ILossFunction SmoothL1(double threshold = 1) => new SmoothL1Loss(PartRange.Positive(threshold, 1));

    /// <summary>
    /// sqrt(d^2 + c^2) - c for each element, a smooth form of <see cref="Huber"/> (Charbonnier et al. 1997):
    /// <c>pseudo-huber(threshold: 0.1)</c>. Training scripts under the names huber and smooth_l1 multiply it by 2 c or by 2.
    /// </summary>
    /// <param name="threshold">c, above 0. Default 0.1.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not above 0.</exception>
    public static ILossFunction PseudoHuber(double threshold = 0.1) => new PseudoHuberLoss(PartRange.Positive(threshold, 0.1));

    /// <summary>
    /// sqrt(|d|^2 + c^2) - c of the norm |d| of each image's difference, with c = scale * sqrt(number of elements) (Song and Dhariwal 2023,
    /// section 3.3): <c>pseudo-huber-norm(scale: 0.00054)</c>.
    /// </summary>
    /// <param name="scale">Above 0. Default 0.00054.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not above 0.</exception>
    public static ILossFunction PseudoHuberNorm(double scale = 0.00054) => new PseudoHuberNormLoss(PartRange.Positive(scale, 0.00054));
}

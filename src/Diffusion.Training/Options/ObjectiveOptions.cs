namespace Diffusion.Training;

/// <summary>
/// What the network learns, as data: what it answers, in which space its answer is compared, and by their descriptions the function of
/// the difference, the weight of each noise level and the times that are trained on. Written into each checkpoint; a run resumes with the
/// same values only.
/// </summary>
public sealed record ObjectiveOptions
{
    /// <summary>What the network predicts. Default the noise.</summary>
    public PredictionType Prediction { get; init; } = PredictionType.Epsilon;

    /// <summary>
    /// The space of the loss, where it is not <see cref="Prediction"/>'s own: with <see cref="PredictionType.Sample"/> predicted, a loss in
    /// <see cref="PredictionType.Velocity"/> weighs the squared error of the clean image by 1 / sigma^2. Null, the default, for the
    /// prediction's own.
    /// </summary>
    public PredictionType? LossSpace { get; init; }

    /// <summary>
    /// The function of the difference, by <see cref="ILossFunction.Description"/>: <c>mse</c>, the default, or one that is given with
    /// <see cref="TrainerBuilder.UseLossFunction"/>.
    /// </summary>
    public string Function { get; init; } = LossFunction.SquaredError.Description;

    /// <summary>
    /// The weight of each noise level, by <see cref="ILossWeighting.Description"/>: <c>uniform</c>, the default, or one that is given with
    /// <see cref="TrainerBuilder.UseLossWeighting"/>.
    /// </summary>
    public string Weighting { get; init; } = LossWeighting.Uniform.Description;

    /// <summary>
    /// The times that are trained on, by <see cref="ITimeLaw.Description"/>: <c>uniform</c>, the default, or a law that is given with
    /// <see cref="TrainerBuilder.UseTimeLaw"/>.
    /// </summary>
    public string Times { get; init; } = TimeLaw.Uniform.Description;

    /// <summary>
    /// What an objective of your own type calls itself, which must be given with <see cref="TrainerBuilder.UseObjective"/> and takes the
    /// place of all parts but <see cref="Prediction"/>. Null, the default, for an <see cref="Objective"/> of these parts.
    /// </summary>
    public string? Description { get; init; }
}

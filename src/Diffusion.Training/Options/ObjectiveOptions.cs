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
    /// The largest factor of a difference on its way to <see cref="LossSpace"/> (<see cref="Objective.MaxSpaceFactor"/>), above 0. Null,
    /// the default, for no limit; 20 for <see cref="PredictionType.Sample"/> with rectified flow.
    /// </summary>
    public double? MaxSpaceFactor { get; init; }

    /// <summary>
    /// The function of the difference, as a name or as name(parameter: value): <c>mse</c>, the default, <c>l1</c>, <c>huber</c>,
    /// <c>smooth-l1</c>, <c>pseudo-huber</c>, <c>pseudo-huber-norm</c> (<see cref="LossFunction"/>), or the
    /// <see cref="ILossFunction.Description"/> of one that is given with <see cref="TrainerBuilder.UseLossFunction"/>.
    /// </summary>
    public string Function { get; init; } = LossFunction.SquaredError.Description;

    /// <summary>
    /// The weight of each noise level, as a name or as name(parameter: value): <c>uniform</c>, the default, <c>min-snr</c>,
    /// <c>soft-min-snr</c>, <c>p2</c>, <c>truncated-snr</c>, <c>edm</c>, <c>learned-uncertainty</c>, <c>debiased</c>, <c>sigmoid</c>
    /// (<see cref="LossWeighting"/>), or the <see cref="ILossWeighting.Description"/> of one that is given with
    /// <see cref="TrainerBuilder.UseLossWeighting"/>.
    /// </summary>
    public string Weighting { get; init; } = LossWeighting.Uniform.Description;

    /// <summary>
    /// The times that are trained on, as a name or as name(parameter: value): <c>uniform</c>, the default, <c>log-normal</c>,
    /// <c>logit-normal</c>, <c>mode</c>, <c>cosine-map</c>, <c>cosine-interpolated</c>, <c>log-uniform</c>, <c>log-logistic</c>,
    /// <c>split-log-normal</c>, <c>v-diffusion</c>, <c>second-moment</c> (<see cref="TimeLaw"/>), or the
    /// <see cref="ITimeLaw.Description"/> of a law that is given with <see cref="TrainerBuilder.UseTimeLaw"/>.
    /// </summary>
    public string Times { get; init; } = TimeLaw.Uniform.Description;

    /// <summary>
    /// Whether the times of each step are spread evenly over the law, one in each of <see cref="TrainingOptions.BatchSize"/> equal parts of
    /// it, so that the loss varies less from step to step (<see cref="TrainingPass.StratifyOver"/>). Default false.
    /// </summary>
    public bool StratifiesTimes { get; init; }

    /// <summary>The strength of offset noise, 0 to 1 (<see cref="Objective.OffsetNoise"/>). Default 0: none.</summary>
    public double OffsetNoise { get; init; }

    /// <summary>The strength of input perturbation, 0 to 1 (<see cref="Objective.InputPerturbation"/>). Default 0: none.</summary>
    public double InputPerturbation { get; init; }

    /// <summary>
    /// The fraction of images whose class is dropped, in [0, 1) (<see cref="Objective.LabelDropout"/>). The network needs one class more
    /// than the images have. Default 0: none.
    /// </summary>
    public double LabelDropout { get; init; }

    /// <summary>
    /// The fraction of images for which a self-conditioned model is told its first estimate, 0 to 1
    /// (<see cref="Objective.SelfConditioning"/>). Default 0: none.
    /// </summary>
    public double SelfConditioning { get; init; }

    /// <summary>
    /// Whether the network has twice the channels and learns the variance as well (<see cref="Objective.LearnsVariance"/>). Default false.
    /// </summary>
    public bool LearnsVariance { get; init; }

    /// <summary>
    /// What an objective of your own type calls itself, which must be given with <see cref="TrainerBuilder.UseObjective"/> and takes the
    /// place of all parts but <see cref="Prediction"/>. Null, the default, for an <see cref="Objective"/> of these parts.
    /// </summary>
    public string? Description { get; init; }

    /// <summary>
    /// Whether the network learns a last class that means "no class". An objective that is given as a whole says so in its description.
    /// </summary>
    internal bool DropsLabels => RunManifest.IsLabelDropout(LabelDropout, Description);

    /// <summary>
    /// Creates the <see cref="UNet2D"/> that this objective trains: with one class more than the images for <see cref="LabelDropout"/>,
    /// twice the output channels if it <see cref="LearnsVariance"/>, in a <see cref="PatchedModel"/> for patches, and in a
    /// <see cref="SelfConditionedModel"/> for <see cref="SelfConditioning"/>.
    /// </summary>
    /// <param name="images">
    /// The shape of the images, such as that of an image source; their size as for
    /// <see cref="UNet2DOptions.ForImages(ImageShape, UNet2DSize, int?)"/>.
    /// </param>
    /// <param name="size">The size of the network. Choose it for the device that trains.</param>
    /// <param name="classes">The number of classes of the images, such as that of an image source; null for none.</param>
    /// <param name="patchSize">The height and width of a patch in pixels, at least 1. Default 1: no patches.</param>
    /// <param name="seed">The seed of the weights. Default 0.</param>
    /// <param name="edit">
    /// Changes the architecture that the size chose, before the channels of images and output are set. Null, the default, for none.
    /// </param>
    /// <returns>The network, with the initial weights of PyTorch for the same seed. It belongs to the caller.</returns>
    /// <exception cref="ArgumentException">There is no such network for these images; the message says why.</exception>
    /// <exception cref="NativeBackendException">libtorch cannot be loaded.</exception>
    public IDiffusionModel CreateNetwork(ImageShape images, UNet2DSize size, int? classes, int patchSize = 1, long seed = 0,
        Func<UNet2DOptions, UNet2DOptions>? edit = null)
    {
        ImageShape shape = PatchedModel.PatchShape(images, patchSize);
        UNet2DOptions usual = UNet2DOptions.ForImages(shape, size, classes + (LabelDropout > 0 ? 1 : 0));
        UNet2DOptions options = edit is null ? usual : edit(usual);
        UNet2D unet = new(
            options with
            {
                InChannels = shape.Channels * (SelfConditioning > 0 ? 2 : 1),
                OutChannels = shape.Channels * (LearnsVariance ? 2 : 1),
            },
            seed);
        IDiffusionModel model = patchSize == 1 ? unet : new PatchedModel(unet, patchSize);
        return SelfConditioning > 0 ? new SelfConditionedModel(model) : model;
    }
}

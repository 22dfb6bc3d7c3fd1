using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// An objective of parts: the times that are trained on, the weight of each noise level, the space in which the network's answer is
/// compared with its target, the function of their difference, and changes of the noise. The defaults are the simple loss of Ho et al. 2020
/// (equation 14).
/// </summary>
public sealed record Objective : IObjective
{
    /// <summary>Which times are trained on. Default <see cref="TimeLaw.Uniform"/>.</summary>
    public ITimeLaw Times { get; init; } = TimeLaw.Uniform;

    /// <summary>How much each noise level counts. Default <see cref="LossWeighting.Uniform"/>.</summary>
    public ILossWeighting Weighting { get; init; } = LossWeighting.Uniform;

    /// <summary>The function of the difference. Default <see cref="LossFunction.SquaredError"/>.</summary>
    public ILossFunction Function { get; init; } = LossFunction.SquaredError;

    /// <summary>The space of the loss. Null, the default, for that of the network's answer.</summary>
    public IParameterization? Space { get; init; }

    /// <summary>
    /// The largest factor, in magnitude, by which a difference is multiplied on its way to <see cref="Space"/>. A velocity loss of a
    /// predicted clean image divides by sigma, which is 0 at the end of rectified flow: 20 is the limit of Li and He 2025, who clip sigma
    /// at 0.05. Above 0. Default infinite: no limit.
    /// </summary>
    public double MaxSpaceFactor { get; init; } = double.PositiveInfinity;

    /// <summary>
    /// The strength of offset noise, which is the same for all pixels of a channel (Guttenberg 2023): the network predicts the noise with
    /// it. 0 to 1; 0.1 is usual, and lets a network make dark and bright images. Default 0: none.
    /// </summary>
    public double OffsetNoise { get; init; }

    /// <summary>
    /// The strength of noise that is added to the noisy image and that the network does not predict (Ning et al. 2023). 0 to 1; 0.1 is
    /// usual. Default 0: none.
    /// </summary>
    public double InputPerturbation { get; init; }

    /// <summary>
    /// The fraction of images whose class is replaced with the last class of the model, which means "no class", in [0, 1). Needed for
    /// classifier-free guidance; 0.1 to 0.2 is usual (Ho and Salimans 2022). Default 0: none.
    /// </summary>
    public double LabelDropout { get; init; }

    /// <summary>
    /// The fraction of images for which a <see cref="SelfConditionedModel"/> is told its own first estimate of the clean image, clipped to
    /// [-1, 1]; the others get none (Chen et al. 2023, algorithm 1). 0 to 1; 0.5 is usual, and costs one more forward pass of these images.
    /// Default 0: none.
    /// </summary>
    public double SelfConditioning { get; init; }

    /// <summary>
    /// Whether the network has twice the channels and learns the variance of a step in the second half (Nichol and Dhariwal 2021, section
    /// 3.1): the loss has 0.001 times the variational bound added. Needs a schedule of timesteps. Default false.
    /// </summary>
    public bool LearnsVariance { get; init; }

    /// <inheritdoc/>
    public string Description =>
        $"{Function.Description} in {Space?.Description ?? "answer space"}"
        + (double.IsFinite(MaxSpaceFactor) ? $", {PartText.Of("factor", ("max", MaxSpaceFactor))}" : string.Empty)
        + $", weights {Weighting.Description}, times {Times.Description}"
        + (OffsetNoise == 0 ? string.Empty : $", {PartText.Of("offset-noise", ("strength", OffsetNoise))}")
        + (InputPerturbation == 0 ? string.Empty : $", {PartText.Of("input-perturbation", ("strength", InputPerturbation))}")
        + (LabelDropout == 0 ? string.Empty : $", {PartText.Of(RunManifest.LabelDropout, ("fraction", LabelDropout))}")
        + (SelfConditioning == 0 ? string.Empty : $", {PartText.Of("self-conditioning", ("fraction", SelfConditioning))}")
        + (LearnsVariance ? ", learned variance" : string.Empty);

    /// <inheritdoc/>
    IEnumerable<string> IObjective.Problems(INoiseSchedule schedule) => (Times as SecondMomentTimes)?.Problems(schedule) ?? [];

    /// <inheritdoc/>
    public ITimeLaw TimesAfter(ObjectiveState? state) =>
        Times is SecondMomentTimes learned && state is not null ? learned.After(state) : Times;

    /// <inheritdoc/>
    public ObjectiveState? CreateState(Device device) => (Weighting, Times) is (LearnedUncertainty, _) or (_, SecondMomentTimes)
        ? new ObjectiveState((Weighting as LearnedUncertainty)?.CreateModule(device), (Times as SecondMomentTimes)?.CreateTensors())
        : null;

    /// <inheritdoc/>
    public ObjectiveLoss Loss(ObjectiveInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        (Denoiser denoiser, Tensor clean, _, IReadOnlyList<NoiseLevel> levels, _, ObjectiveState? state) = input;
        using DisposeScope scope = NewDisposeScope();
        Conditioning conditioning = DroppedLabels.Of(input, LabelDropout);
        (Tensor noise, Tensor mixed) = NoiseChange.Of(input, OffsetNoise, InputPerturbation);
        Tensor noisy = ForwardProcess.AddNoise(clean, mixed, levels);
        conditioning = FirstEstimates.Of(input, noisy, conditioning, SelfConditioning);
        Tensor target = denoiser.Target(clean, noise, levels);
        Tensor? factors = FactorsOf(denoiser, levels)?.to(clean.dtype).SendTo(clean.device); // [2, B, 1, 1, 1]
        Tensor? importance = input.DrawnFrom is { } law
            ? tensor(levels.Select(level => law.WeightOf(level, denoiser.Schedule)).ToArray()).to(clean.dtype).SendTo(clean.device) // [B]
            : null;
        (Tensor prediction, Tensor? variance) = LearnsVariance
            ? denoiser.PredictWithVariance(noisy, levels, conditioning)
            : (denoiser.Predict(noisy, levels, conditioning), null);
        bool isPlain = factors is null && importance is null && variance is null && Function is SquaredError && CreatesNoState;
        Tensor loss = isPlain
            ? nn.functional.mse_loss(prediction, target) // one kernel
            : Mean(PerImage(), importance);
        return new ObjectiveLoss(
            loss.MoveToOuterDisposeScope(), prediction.MoveToOuterDisposeScope(), target.MoveToOuterDisposeScope());

        Tensor PerImage() // [B]
        {
            Tensor losses = Weighted(prediction - target, factors);
            losses = Weighting is LearnedUncertainty learned
                ? LearnedUncertainty.Loss(losses, learned.LogVariance(LineOf(state), levels).to(losses.dtype))
                : losses;
            losses = variance is null ? losses : losses.Plus(HybridLoss.Of(denoiser, clean, noisy, levels, prediction, variance));
            if (Times is SecondMomentTimes times && state is not null && !input.IsMeasurement)
            {
                times.Record(state, levels, denoiser.Schedule, losses);
            }

            return losses;
        }
    }

    private bool CreatesNoState => Weighting is not LearnedUncertainty && Times is not SecondMomentTimes;

    private static Tensor Mean(Tensor losses, Tensor? importance) => (importance is null ? losses : losses * importance).mean(); // []

    private static Linear LineOf(ObjectiveState? state) => state?.Module as Linear ?? throw new InvalidOperationException(
        "The weighting learned-uncertainty has parameters, but there is no state with them. Pass the state that CreateState makes.");

    private Tensor Weighted(Tensor difference, Tensor? factors) => (factors is null
        ? Function.Of(difference)
        : Function.Of(difference * factors[0]) * factors[1]).flatten(1).mean([1]); // [B]

    // What the difference is in the space of the loss, and what its loss weighs; null where all is 1.
    private Tensor? FactorsOf(Denoiser denoiser, IReadOnlyList<NoiseLevel> levels)
    {
        IParameterization space = Space ?? denoiser.Parameterization;
        double[] weights = [.. levels.Select(level => LossSpace.Weight(Weighting, space, level))];
        if (Space is null && Array.TrueForAll(weights, weight => weight == 1))
        {
            return null;
        }

        IEnumerable<double> spaces = levels.Select(level => Space is null
            ? 1
            : LossSpace.LimitedFactor(denoiser.Parameterization, Space, level, MaxSpaceFactor));
        return tensor([.. spaces.Concat(weights)]).view(2, levels.Count, 1, 1, 1);
    }
}

using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// An objective of four parts: the times that are trained on, the weight of each noise level, the space in which the network's answer is
/// compared with its target, and the function of their difference. The defaults are the simple loss of Ho et al. 2020 (equation 14).
/// </summary>
public sealed record Objective : IObjective
{
    /// <summary>Which times are trained on. Default <see cref="TimeLaw.Uniform"/>.</summary>
    public ITimeLaw Times { get; init; } = TimeLaw.Uniform;

    /// <summary>How much each noise level counts, in the space of the loss. Default <see cref="LossWeighting.Uniform"/>.</summary>
    public ILossWeighting Weighting { get; init; } = LossWeighting.Uniform;

    /// <summary>The function of the difference. Default <see cref="LossFunction.SquaredError"/>.</summary>
    public ILossFunction Function { get; init; } = LossFunction.SquaredError;

    /// <summary>The space of the loss. Null, the default, for that of the network's answer.</summary>
    public IParameterization? Space { get; init; }

    /// <inheritdoc/>
    public string Description =>
        $"{Function.Description} in {Space?.Description ?? "answer space"}, weights {Weighting.Description}, times {Times.Description}";

    /// <inheritdoc/>
    public ObjectiveLoss Loss(ObjectiveInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        (Denoiser denoiser, Tensor clean, Tensor noise, IReadOnlyList<NoiseLevel> levels, Conditioning conditioning, _) = input;
        using DisposeScope scope = NewDisposeScope();
        Tensor noisy = ForwardProcess.AddNoise(clean, noise, levels);
        Tensor target = denoiser.Target(clean, noise, levels);
        Tensor? factors = FactorsOf(denoiser, levels)?.to(clean.dtype).to(clean.device); // [2, B, 1, 1, 1]
        Tensor prediction = denoiser.Predict(noisy, levels, conditioning);
        Tensor loss = factors is null && Function is SquaredError
            ? nn.functional.mse_loss(prediction, target) // one kernel
            : Weighted(prediction - target, factors);
        return new ObjectiveLoss(
            loss.MoveToOuterDisposeScope(), prediction.MoveToOuterDisposeScope(), target.MoveToOuterDisposeScope());
    }

    private Tensor Weighted(Tensor difference, Tensor? factors) => factors is null
        ? Function.Of(difference).mean()
        : (Function.Of(difference * factors[0]) * factors[1]).mean(); // []

    // What the difference is in the space of the loss, and what its loss weighs; null where all is 1. To be made before the forward pass:
    // a copy to the device waits for what is under way.
    private Tensor? FactorsOf(Denoiser denoiser, IReadOnlyList<NoiseLevel> levels)
    {
        double[] weights = [.. levels.Select(Weighting.At)];
        if (Space is null && Array.TrueForAll(weights, weight => weight == 1))
        {
            return null;
        }

        IEnumerable<double> spaces = levels.Select(level => Space is null ? 1 : LossSpace.Factor(denoiser.Parameterization, Space, level));
        return tensor([.. spaces.Concat(weights)]).view(2, levels.Count, 1, 1, 1);
    }
}

using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// The simple objective of Ho et al. 2020 (equation 14), for any prediction type: mean squared error between the network's prediction and
/// its target, at a time and with noise that belong to the image's position in the run. So any split into micro-batches sees the same
/// draws.
/// </summary>
public sealed class DenoisingObjective
{
    private readonly Denoiser denoiser;
    private readonly SeedStream seeds;

    /// <summary>The objective for a denoiser.</summary>
    /// <param name="denoiser">
    /// The model under training, with its schedule and prediction type; stays the caller's. Call its network's <c>train()</c> for dropout.
    /// </param>
    /// <param name="seeds">The stream of the run.</param>
    public DenoisingObjective(Denoiser denoiser, SeedStream seeds)
    {
        ArgumentNullException.ThrowIfNull(denoiser);
        this.denoiser = denoiser;
        this.seeds = seeds;
    }

    /// <summary>Takes the losses of every micro-batch; null where nobody gathers them.</summary>
    internal LossGauge? Gauge { get; init; }

    /// <summary>Looks at every prediction; null where nobody does.</summary>
    internal Action<Tensor>? OnPrediction { get; init; }

    /// <summary>Which times are trained on. Default <see cref="TimeLaw.Uniform"/>.</summary>
    public ITimeLaw Times { get; init; } = TimeLaw.Uniform;

    /// <summary>
    /// The space of the loss, where it is not that of the network's answer: the same squared error, weighted as that space weights it.
    /// Null, the default, for the answer's own.
    /// </summary>
    public IParameterization? LossSpace { get; init; }

    /// <summary>The noise level of each position.</summary>
    /// <param name="positions">Positions in the run.</param>
    public NoiseLevel[] DrawLevels(ReadOnlySpan<long> positions)
    {
        NoiseLevel[] levels = new NoiseLevel[positions.Length];
        for (int i = 0; i < levels.Length; i++)
        {
            levels[i] = LevelAt(seeds.Uniform(RandomPurpose.Timestep, positions[i]));
        }

        return levels;
    }

    /// <summary>The noise level below which a share of all levels that are trained on lies.</summary>
    /// <param name="quantile">The share, in [0, 1).</param>
    /// <exception cref="InvalidOperationException">The law gives a time between two timesteps of a discrete schedule.</exception>
    public NoiseLevel LevelAt(double quantile)
    {
        double time = Times.TimeAt(quantile, denoiser.Schedule);
        return denoiser.Schedule is DiscreteSchedule && !double.IsInteger(time)
            ? throw new InvalidOperationException(
                $"The time law {Times.Description} gives time {time} of {denoiser.Schedule.Description}, but a network is trained at "
                    + $"whole timesteps. Round it in the law.")
            : denoiser.Schedule.At(time);
    }

    /// <summary>The loss of a micro-batch at its own noise levels and noise.</summary>
    /// <param name="clean">Images in [-1, 1], float32 <c>[B, C, H, W]</c>, on the model's device.</param>
    /// <param name="conditioning">Class labels where the model has classes.</param>
    /// <param name="positions">The position of each image in the run.</param>
    /// <returns>A scalar, the mean over all elements; it belongs to the caller.</returns>
    public Tensor Loss(Tensor clean, Conditioning conditioning, ReadOnlySpan<long> positions)
    {
        ArgumentNullException.ThrowIfNull(clean);
        return Loss(clean, conditioning, DrawLevels(positions), positions);
    }

    /// <summary>The loss of a micro-batch at given noise levels, with the noise of its positions.</summary>
    /// <param name="clean">Images in [-1, 1], float32 <c>[B, C, H, W]</c>, on the model's device.</param>
    /// <param name="conditioning">Class labels where the model has classes.</param>
    /// <param name="levels">The noise level of each image.</param>
    /// <param name="positions">The position of each image in the run.</param>
    /// <returns>A scalar, the mean over all elements; it belongs to the caller.</returns>
    public Tensor Loss(Tensor clean, Conditioning conditioning, IReadOnlyList<NoiseLevel> levels, ReadOnlySpan<long> positions)
    {
        ArgumentNullException.ThrowIfNull(clean);
        using DisposeScope scope = NewDisposeScope();
        ImageShape shape = new((int)clean.shape[1], (int)clean.shape[2], (int)clean.shape[3]);
        Tensor noise = NormalNoise.Draw(seeds, RandomPurpose.Noise, positions, shape).to(clean.device); // [B, C, H, W]
        Tensor noisy = ForwardProcess.AddNoise(clean, noise, levels);
        Tensor target = denoiser.Target(clean, noise, levels);
        Tensor? parts = Gauge?.PartsOf(levels); // [B]
        Tensor prediction = denoiser.Predict(noisy, levels, conditioning);
        OnPrediction?.Invoke(prediction);
        if (parts is not null)
        {
            Gauge!.Take(prediction, target, parts);
        }

        if (LossSpace is null)
        {
            return nn.functional.mse_loss(prediction, target).MoveToOuterDisposeScope(); // []
        }

        Tensor weights = tensor([.. levels.Select(level => LossWeight.Of(denoiser.Parameterization, LossSpace, level))])
            .to(prediction.dtype).to(prediction.device); // [B]
        return ((prediction - target).square().flatten(1).mean([1]) * weights).mean().MoveToOuterDisposeScope(); // []
    }
}

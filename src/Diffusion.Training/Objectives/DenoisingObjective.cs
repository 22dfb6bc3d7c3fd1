using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// The simple objective of Ho et al. 2020 (equation 14), for any prediction type: mean squared error between the network's prediction and its
/// target, at a timestep and with noise that belong to the image's position in the run. So any split into micro-batches sees the same draws.
/// </summary>
public sealed class DenoisingObjective
{
    private readonly Denoiser denoiser;
    private readonly SeedStream seeds;

    /// <summary>The objective for a denoiser.</summary>
    /// <param name="denoiser">The model under training, with its schedule and prediction type; stays the caller's. Call its network's <c>train()</c> for dropout.</param>
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

    /// <summary>The timestep of each position, uniform over [0, T-1].</summary>
    /// <param name="positions">Positions in the run.</param>
    /// <returns>int64 <c>[B]</c> on the CPU; it belongs to the caller.</returns>
    public Tensor DrawTimesteps(ReadOnlySpan<long> positions)
    {
        long[] timesteps = new long[positions.Length];
        for (int i = 0; i < timesteps.Length; i++)
        {
            timesteps[i] = (long)(seeds.Uniform(RandomPurpose.Timestep, positions[i]) * denoiser.Schedule.Timesteps);
        }

        return tensor(timesteps);
    }

    /// <summary>The loss of a micro-batch at its own timesteps and noise.</summary>
    /// <param name="clean">Images in [-1, 1], float32 <c>[B, C, H, W]</c>, on the model's device.</param>
    /// <param name="conditioning">Class labels where the model has classes.</param>
    /// <param name="positions">The position of each image in the run.</param>
    /// <returns>A scalar, the mean over all elements; it belongs to the caller.</returns>
    public Tensor Loss(Tensor clean, Conditioning conditioning, ReadOnlySpan<long> positions)
    {
        ArgumentNullException.ThrowIfNull(clean);
        using Tensor timesteps = DrawTimesteps(positions);
        return Loss(clean, conditioning, timesteps, positions);
    }

    /// <summary>The loss of a micro-batch at given timesteps, with the noise of its positions.</summary>
    /// <param name="clean">Images in [-1, 1], float32 <c>[B, C, H, W]</c>, on the model's device.</param>
    /// <param name="conditioning">Class labels where the model has classes.</param>
    /// <param name="timesteps">int64 <c>[B]</c> on the CPU, each in [0, T-1].</param>
    /// <param name="positions">The position of each image in the run.</param>
    /// <returns>A scalar, the mean over all elements; it belongs to the caller.</returns>
    public Tensor Loss(Tensor clean, Conditioning conditioning, Tensor timesteps, ReadOnlySpan<long> positions)
    {
        ArgumentNullException.ThrowIfNull(clean);
        using DisposeScope scope = NewDisposeScope();
        ImageShape shape = new((int)clean.shape[1], (int)clean.shape[2], (int)clean.shape[3]);
        Tensor noise = NormalNoise.Draw(seeds, RandomPurpose.Noise, positions, shape).to(clean.device); // [B, C, H, W]
        Tensor noisy = denoiser.AddNoise(clean, noise, timesteps);
        Tensor target = denoiser.Target(clean, noise, timesteps);
        Tensor? parts = Gauge?.PartsOf(timesteps); // [B]
        Tensor prediction = denoiser.Predict(noisy, timesteps, conditioning);
        OnPrediction?.Invoke(prediction);
        if (parts is not null)
        {
            Gauge!.Take(prediction, target, parts);
        }

        return nn.functional.mse_loss(prediction, target).MoveToOuterDisposeScope(); // []
    }
}

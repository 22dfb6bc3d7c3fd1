using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>The forward process q(x_t | x_0) of a schedule: mixes clean images with noise (Ho et al. 2020, equation 4).</summary>
/// <param name="schedule">How much noise there is at each time.</param>
public sealed class ForwardProcess(INoiseSchedule schedule)
{
    private readonly INoiseSchedule schedule = schedule ?? throw new ArgumentNullException(nameof(schedule));

    /// <summary>alpha * clean + sigma * noise at timesteps of a discrete schedule.</summary>
    /// <param name="clean">Clean images, in [-1, 1] where they are pixels, floating point <c>[B, C, H, W]</c>.</param>
    /// <param name="noise">Standard normal, of the shape, dtype and device of <paramref name="clean"/>.</param>
    /// <param name="timesteps">
    /// int64 <c>[B]</c>, each in [0, T-1]. Keep them on the CPU: checking them elsewhere waits for the device.
    /// </param>
    /// <returns>Noisy images, like <paramref name="clean"/>; they belong to the caller.</returns>
    /// <exception cref="ArgumentException">Shapes, dtypes or devices do not fit, or a timestep is outside [0, T-1].</exception>
    /// <exception cref="InvalidOperationException">The schedule has no timesteps: pass noise levels.</exception>
    public Tensor AddNoise(Tensor clean, Tensor noise, Tensor timesteps)
    {
        Guard.ImagesWithNoise(clean, noise);
        return AddNoise(clean, noise, LevelsAt(timesteps, clean.shape[0]));
    }

    /// <summary>alpha * clean + sigma * noise at noise levels.</summary>
    /// <param name="clean">Clean images, in [-1, 1] where they are pixels, floating point <c>[B, C, H, W]</c>.</param>
    /// <param name="noise">Standard normal, of the shape, dtype and device of <paramref name="clean"/>.</param>
    /// <param name="levels">The noise level of each image.</param>
    /// <returns>Noisy images, like <paramref name="clean"/>; they belong to the caller.</returns>
    /// <exception cref="ArgumentException">Shapes, dtypes or devices do not fit, or there is not one level for each image.</exception>
    public static Tensor AddNoise(Tensor clean, Tensor noise, IReadOnlyList<NoiseLevel> levels)
    {
        Guard.ImagesWithNoise(clean, noise);
        Guard.Levels(levels, clean.shape[0]);
        return Mix(clean, levels.Select(level => level.Alpha), noise, levels.Select(level => level.Sigma));
    }

    /// <summary>The noise levels of int64 timesteps <c>[B]</c>.</summary>
    internal NoiseLevel[] LevelsAt(Tensor timesteps, long batch)
    {
        if (schedule is not DiscreteSchedule discrete)
        {
            throw new InvalidOperationException(
                $"{schedule.Description} has no timesteps: its times are real numbers. Pass noise levels, such as those of its At(time).");
        }

        return Array.ConvertAll(Guard.Timesteps(timesteps, batch, discrete.Timesteps), timestep => discrete[(int)timestep]);
    }

    /// <summary>first * firstFactors + second * secondFactors, a factor for each image.</summary>
    internal static Tensor Mix(Tensor first, IEnumerable<double> firstFactors, Tensor second, IEnumerable<double> secondFactors)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor a = Column(firstFactors, first); // [B, 1, 1, 1]
        Tensor b = Column(secondFactors, first); // [B, 1, 1, 1]
        return (a * first).Increase(b * second).MoveToOuterDisposeScope();
    }

    /// <summary>A factor for each image, in the dtype and on the device of the images: <c>[B, 1, 1, 1]</c>.</summary>
    internal static Tensor Column(IEnumerable<double> factors, Tensor like)
    {
        using DisposeScope scope = NewDisposeScope();
        return tensor(factors.ToArray()).to(like.dtype).SendTo(like.device).reshape(-1, 1, 1, 1).MoveToOuterDisposeScope();
    }
}

using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>The forward process q(x_t | x_0) of a discrete schedule: mixes clean images with noise (Ho et al. 2020, equation 4).</summary>
public sealed class ForwardProcess
{
    private readonly double[] alphas;
    private readonly double[] sigmas;

    /// <summary>The forward process of a schedule.</summary>
    public ForwardProcess(INoiseSchedule schedule)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        TorchBackend.EnsureLoaded();
        Timesteps = schedule.Timesteps;
        alphas = [.. Enumerable.Range(0, Timesteps).Select(t => schedule[t].Alpha)];
        sigmas = [.. Enumerable.Range(0, Timesteps).Select(t => schedule[t].Sigma)];
    }

    /// <summary>T: a timestep is an integer in [0, T-1].</summary>
    public int Timesteps { get; }

    /// <summary>alpha * clean + sigma * noise.</summary>
    /// <param name="clean">Clean images in [-1, 1], floating point <c>[B, C, H, W]</c>.</param>
    /// <param name="noise">Standard normal, of the shape, dtype and device of <paramref name="clean"/>.</param>
    /// <param name="timesteps">int64 <c>[B]</c>, each in [0, T-1]. Keep them on the CPU: checking them elsewhere waits for the device.</param>
    /// <returns>Noisy images, like <paramref name="clean"/>; they belong to the caller.</returns>
    /// <exception cref="ArgumentException">Shapes, dtypes or devices do not fit, or a timestep is outside [0, T-1].</exception>
    public Tensor AddNoise(Tensor clean, Tensor noise, Tensor timesteps) =>
        Mix(alphas, clean, sigmas, noise, Check(clean, noise, timesteps));

    /// <summary>The velocity alpha * noise - sigma * clean (Salimans and Ho 2022, section 4); arguments as for <see cref="AddNoise"/>.</summary>
    /// <returns>Velocities, like <paramref name="clean"/>; they belong to the caller.</returns>
    /// <exception cref="ArgumentException">Shapes or types do not fit, or a timestep is outside [0, T-1].</exception>
    public Tensor Velocity(Tensor clean, Tensor noise, Tensor timesteps) =>
        Mix(alphas, noise, [.. sigmas.Select(s => -s)], clean, Check(clean, noise, timesteps));

    /// <summary>Refuses what cannot be mixed, and gives the timesteps as numbers.</summary>
    internal long[] Check(Tensor clean, Tensor noise, Tensor timesteps)
    {
        Guard.ImagesWithNoise(clean, noise);
        return Guard.Timesteps(timesteps, clean.shape[0], Timesteps);
    }

    private static Tensor Mix(double[] firstTable, Tensor first, double[] secondTable, Tensor second, long[] steps)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor a = Coefficients(firstTable, steps, first);
        Tensor b = Coefficients(secondTable, steps, first);
        return (a * first).add_(b * second).MoveToOuterDisposeScope();
    }

    private static Tensor Coefficients(double[] table, long[] steps, Tensor like) =>
        tensor(Array.ConvertAll(steps, t => table[t])).to(like.dtype).to(like.device).reshape(-1, 1, 1, 1); // [B, 1, 1, 1]
}

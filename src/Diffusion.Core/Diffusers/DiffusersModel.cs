namespace Diffusion;

/// <summary>What a folder of diffusers held. It owns the network.</summary>
public sealed class DiffusersModel : IDisposable
{
    internal DiffusersModel(UNet2D unet, DiffusersScheduler? scheduler)
    {
        UNet = unet;
        Scheduler = scheduler;
    }

    /// <summary>The network with its weights, on the CPU, in float32, in evaluation mode.</summary>
    public UNet2D UNet { get; }

    /// <summary>What it was trained with, and how to sample from it; null where a network's folder was read, which does not say.</summary>
    public DiffusersScheduler? Scheduler { get; }

    /// <summary>
    /// The network with the schedule and prediction type that it was trained with: what samplers want. The network stays here.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is no scheduler.</exception>
    public Denoiser CreateDenoiser() => Scheduler is { } scheduler
        ? new Denoiser(UNet, scheduler.Schedule, Parameterization.Of(scheduler.Prediction))
        : throw new InvalidOperationException(
            "The folder held a network without a scheduler. Make a Denoiser of UNet with the schedule and prediction type that it was "
                + "trained with.");

    /// <summary>
    /// Frees the network, once the calls in flight have ended; later calls of its denoisers throw <see cref="ObjectDisposedException"/>.
    /// </summary>
    public void Dispose() => UNet.Dispose();
}

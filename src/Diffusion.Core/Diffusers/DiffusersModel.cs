namespace Diffusion;

/// <summary>A model from a diffusers folder. It owns the network.</summary>
public sealed class DiffusersModel : IDisposable
{
    internal DiffusersModel(UNet2D unet, DiffusersScheduler? scheduler)
    {
        UNet = unet;
        Scheduler = scheduler;
    }

    /// <summary>The network with its weights, on the CPU, in float32, in evaluation mode.</summary>
    public UNet2D UNet { get; }

    /// <summary>The schedule and prediction type of the training, and how to sample; null if the folder has no scheduler.</summary>
    public DiffusersScheduler? Scheduler { get; }

    /// <summary>
    /// The network with the schedule and prediction type of its training, for samplers. This model still owns the network.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is no scheduler.</exception>
    public Denoiser CreateDenoiser() => Scheduler is { } scheduler
        ? new Denoiser(UNet, scheduler.Schedule, Parameterization.Of(scheduler.Prediction))
        : throw new InvalidOperationException(
            "The folder held a network without a scheduler. Create a Denoiser from UNet with the schedule and prediction type that it was "
                + "trained with.");

    /// <summary>
    /// Waits for the calls in flight and frees the network; later calls of its denoisers throw <see cref="ObjectDisposedException"/>.
    /// </summary>
    public void Dispose() => UNet.Dispose();
}

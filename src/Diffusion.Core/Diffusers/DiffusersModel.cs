namespace Diffusion;

/// <summary>A model from a diffusers folder. It owns the network.</summary>
public sealed class DiffusersModel : IDisposable
{
    private readonly bool isTrainedForGuidance;

    internal DiffusersModel(IDiffusionModel model, bool isTrainedForGuidance, DiffusersScheduler? scheduler)
    {
        Model = model;
        this.isTrainedForGuidance = isTrainedForGuidance;
        Scheduler = scheduler;
    }

    /// <summary>
    /// The model with its weights, on the CPU, in float32, in evaluation mode: a <see cref="UNet2D"/>, or a <see cref="PatchedModel"/>
    /// around one.
    /// </summary>
    public IDiffusionModel Model { get; }

    /// <summary>The U-Net of the model.</summary>
    public UNet2D UNet => (UNet2D)Model.Network;

    /// <summary>The schedule and prediction type of the training, and how to sample; null if the folder has no scheduler.</summary>
    public DiffusersScheduler? Scheduler { get; }

    /// <summary>
    /// The network with the schedule and prediction type of its training, for samplers. This model still owns the network.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is no scheduler.</exception>
    public Denoiser CreateDenoiser() => Scheduler is { } scheduler
        ? new Denoiser(Model, scheduler.Schedule, scheduler.CreateParameterization())
        {
            IsTrainedForGuidance = isTrainedForGuidance,
        }
        : throw new InvalidOperationException(
            "The folder held a network without a scheduler. Create a Denoiser from Model with the schedule and prediction type that it was "
                + "trained with.");

    /// <summary>
    /// Waits for the calls in flight and frees the network; later calls of its denoisers throw <see cref="ObjectDisposedException"/>.
    /// </summary>
    public void Dispose() => Model.Dispose();
}

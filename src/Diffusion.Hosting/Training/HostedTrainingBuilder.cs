using Diffusion.Data;
using Diffusion.Training;

namespace Diffusion.Hosting;

/// <summary>Completes a hosted run with what configuration cannot contain.</summary>
public sealed class HostedTrainingBuilder
{
    internal HostedTrainingBuilder(string name) => Name = name;

    /// <summary>The name of the run.</summary>
    public string Name { get; }

    internal Func<IServiceProvider, IImageSource>? Data { get; private set; }

    internal Func<IServiceProvider, IImageSource, IDiffusionModel>? Model { get; private set; }

    internal Action<IServiceProvider, TrainerBuilder>? Edit { get; private set; }

    /// <summary>Provides the images, instead of <see cref="HostedTrainingOptions.Images"/>.</summary>
    /// <param name="open">Opens the images for a run, which disposes them at its end. Called on the training thread.</param>
    public HostedTrainingBuilder UseData(Func<IServiceProvider, IImageSource> open)
    {
        ArgumentNullException.ThrowIfNull(open);
        Data = open;
        return this;
    }

    /// <summary>Provides the model, instead of <see cref="HostedTrainingOptions.Network"/>.</summary>
    /// <param name="create">
    /// Creates the model of a run for its images. The run disposes it at its end. Called on the training thread, and again to open a
    /// checkpoint of the run.
    /// </param>
    public HostedTrainingBuilder UseModel(Func<IServiceProvider, IImageSource, IDiffusionModel> create)
    {
        ArgumentNullException.ThrowIfNull(create);
        Model = create;
        return this;
    }

    /// <summary>Edits the builder of the trainer, for example to add a preview, an observer or an optimizer.</summary>
    /// <param name="edit">The edit. Called on the training thread, before the trainer is built.</param>
    public HostedTrainingBuilder Configure(Action<IServiceProvider, TrainerBuilder> edit)
    {
        ArgumentNullException.ThrowIfNull(edit);
        Edit += edit;
        return this;
    }
}

namespace Diffusion;

/// <summary>Writes a denoiser in diffusers' format, which has a counterpart for one network and for some schedules.</summary>
internal static class DiffusersDenoiser
{
    /// <summary>Writes the network, the schedule and the prediction type of a denoiser: see <see cref="DiffusersFolder.Save"/>.</summary>
    /// <exception cref="ArgumentException">diffusers cannot express the model, its schedule or its prediction type.</exception>
    /// <exception cref="DiffusersFolderException">The folder already exists, or cannot be written.</exception>
    public static void Save(string folder, Denoiser denoiser, IReadOnlyDictionary<string, string> notes, bool overwrite)
    {
        UNet2D unet = denoiser.Model as UNet2D ?? throw new ArgumentException(
            $"The model is a {denoiser.Model.GetType().Name}, but diffusers has a counterpart only for {nameof(UNet2D)}.",
            nameof(denoiser));
        PredictionType prediction = Parameterization.TypeOf(denoiser.Parameterization) ?? throw new ArgumentException(
            $"The network predicts {denoiser.Parameterization.Description}, which diffusers' schedulers cannot express.", nameof(denoiser));
        DiscreteSchedule schedule = denoiser.Schedule as DiscreteSchedule ?? throw new ArgumentException(
            $"The schedule is {denoiser.Schedule.Description}, which diffusers' DDPM and DDIM schedulers cannot express: it has no "
            + "timesteps.",
            nameof(denoiser));
        DiffusersFolder.Save(folder, unet, new DiffusersScheduler { Schedule = schedule, Prediction = prediction }, notes, overwrite);
    }
}

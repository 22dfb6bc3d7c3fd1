using Diffusion;
using Diffusion.Training;
using static TorchSharp.torch;

namespace Diffusers;

/// <summary>Reads the newest checkpoint of a run, and writes it for diffusers.</summary>
internal static class ExportRun
{
    /// <summary>Writes the folder.</summary>
    /// <returns>The exit code.</returns>
    public static int Execute(string run, string folder, ExportedWeights weights, bool overwrite)
    {
        string checkpoints = Path.Combine(run, "checkpoints");
        if (!Directory.Exists(checkpoints))
        {
            throw new IOException($"The folder '{checkpoints}' does not exist. Pass the folder that was given to UseCheckpoints.");
        }

        Loaded? loaded = null;
        using CheckpointStore store = new(checkpoints);
        store.LoadLatest(checkpoint => loaded = Load(checkpoint, folder, weights));
        (UNet2D unet, DiffusersScheduler scheduler, DiffusersExport export) =
            loaded ?? throw new IOException($"There is no checkpoint in '{checkpoints}'. Train until the first checkpoint is saved.");
        using (unet)
        {
            DiffusersFolder.Save(folder, unet, scheduler, export.Notes, overwrite);
            Console.WriteLine(export);
            return 0;
        }
    }

    // The checkpoint's tensors exist only during this call.
    private static Loaded Load(Checkpoint checkpoint, string folder, ExportedWeights weights)
    {
        CheckpointManifest manifest = checkpoint.Manifest;
        DiscreteSchedule schedule = manifest.Options.CreateSchedule() as DiscreteSchedule
            ?? throw new ArgumentException(
                $"The run has the schedule {manifest.Schedule}, which diffusers' DDPM and DDIM schedulers cannot express.");
        DiffusersScheduler scheduler = new() { Schedule = schedule, Prediction = manifest.Prediction };
        IReadOnlyDictionary<string, Tensor>? averages = weights == ExportedWeights.Ema ? checkpoint.Averages.FirstOrDefault() : null;
        UNet2D unet = new(UNet2DOptions.FromJson(manifest.Model));
        unet.LoadWeights(averages ?? checkpoint.Weights);
        return new Loaded(unet, scheduler,
            new DiffusersExport(folder, averages is null ? ExportedWeights.Raw : ExportedWeights.Ema, manifest.Step));
    }

    private sealed record Loaded(UNet2D UNet, DiffusersScheduler Scheduler, DiffusersExport Export);
}

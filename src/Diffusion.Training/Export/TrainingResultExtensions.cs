namespace Diffusion.Training;

/// <summary>What can be done with the end of a run.</summary>
public static class TrainingResultExtensions
{
    /// <summary>Writes a run's model as a folder that diffusers' <c>DDPMPipeline.from_pretrained</c> loads.</summary>
    /// <param name="result">The run's end; its trainer must not be disposed yet.</param>
    /// <param name="folder">The folder to write.</param>
    /// <param name="weights">Which weights. Default the averaged ones.</param>
    /// <param name="overwrite">Whether a folder of diffusers that is there already is replaced.</param>
    /// <returns>What was written, above all which weights; the header of the weights' file says it too.</returns>
    /// <exception cref="ArgumentException">diffusers cannot express the model, its schedule or its prediction type.</exception>
    /// <exception cref="DiffusersFolderException">The folder is there already, or cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The trainer was disposed.</exception>
    public static DiffusersExport ExportDiffusers(
        this TrainingResult result, string folder, ExportedWeights weights = ExportedWeights.Ema, bool overwrite = false)
    {
        ArgumentNullException.ThrowIfNull(result);
        if (!Enum.IsDefined(weights))
        {
            throw new ArgumentOutOfRangeException(nameof(weights), weights, "Use Ema or Raw.");
        }

        // Without an average both are the network itself.
        bool isAverage = weights == ExportedWeights.Ema && !ReferenceEquals(result.EmaDenoiser, result.RawDenoiser);
        Denoiser denoiser = isAverage ? result.EmaDenoiser : result.RawDenoiser;
        using WeightLock.Pass pass = denoiser.Enter(); // a running trainer waits before its next step
        DiffusersExport export = new(folder, isAverage ? ExportedWeights.Ema : ExportedWeights.Raw, result.Step);
        DiffusersDenoiser.Save(folder, denoiser, export.Notes, overwrite);
        return export;
    }
}

using System.Globalization;

namespace Diffusion.Training;

/// <summary>Exports the model of a run.</summary>
public static class TrainingResultExtensions
{
    /// <summary>Writes the model as a folder that <c>DDPMPipeline.from_pretrained</c> of Python's diffusers loads.</summary>
    /// <param name="result">The result of a run whose trainer is not disposed.</param>
    /// <param name="folder">The folder to write.</param>
    /// <param name="raw">Whether to write the network's own weights instead of the averaged ones. Default false.</param>
    /// <param name="overwrite">Whether to replace a folder of diffusers. Default false.</param>
    /// <returns>
    /// What the header of the weights file says about the weights: <c>weights</c> is <c>ema</c> or <c>raw</c> (also if the run has no
    /// average), and <c>step</c> is the number of optimizer steps.
    /// </returns>
    /// <exception cref="ArgumentException">diffusers cannot express the model, its schedule or its prediction type.</exception>
    /// <exception cref="DiffusersFolderException">The folder already exists, or cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The trainer was disposed.</exception>
    public static IReadOnlyDictionary<string, string> ExportDiffusers(
        this TrainingResult result, string folder, bool raw = false, bool overwrite = false)
    {
        ArgumentNullException.ThrowIfNull(result);
        Denoiser denoiser = raw ? result.RawDenoiser : result.EmaDenoiser;
        Dictionary<string, string> notes = new(StringComparer.Ordinal)
        {
            ["weights"] = ReferenceEquals(denoiser, result.RawDenoiser) ? "raw" : "ema",
            ["step"] = result.Step.ToString(CultureInfo.InvariantCulture),
        };
        using WeightLock.Pass pass = denoiser.Enter(); // a running trainer waits before its next step
        DiffusersFolder.Save(folder, denoiser, notes, overwrite);
        return notes;
    }
}

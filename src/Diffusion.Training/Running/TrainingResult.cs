using System.Globalization;

namespace Diffusion.Training;

/// <summary>The result of a run.</summary>
public sealed record TrainingResult
{
    /// <summary>Why the run ended.</summary>
    public required StopReason StopReason { get; init; }

    /// <summary>The number of optimizer steps taken, including those before the run was resumed.</summary>
    public required long Step { get; init; }

    /// <summary>The number of images seen, including repeats.</summary>
    public required long ImagesSeen { get; init; }

    /// <summary>The last reported training loss; null if none was reported.</summary>
    public required double? Loss { get; init; }

    /// <summary>
    /// The model with the averaged weights, or with its own weights if there is no average. Use it for sampling. Valid until the trainer is
    /// disposed.
    /// </summary>
    public required Denoiser EmaDenoiser { get; init; }

    /// <summary>
    /// The model with each average of the weights, by its law: first <see cref="TrainingOptions.Ema"/>, then
    /// <see cref="TrainingOptions.AdditionalEma"/>. Empty if there is no average. Valid until the trainer is disposed.
    /// </summary>
    public required IReadOnlyDictionary<EmaLaw, Denoiser> Averages { get; init; }

    /// <summary>
    /// The model with the weights of its last step, which are noisy; use it for comparisons, and <see cref="EmaDenoiser"/> for samples.
    /// Valid until the trainer is disposed.
    /// </summary>
    public required Denoiser RawDenoiser { get; init; }

    /// <summary>The findings since this call of <see cref="Trainer.Run"/> started, in the order in which they were found.</summary>
    public required IReadOnlyList<HealthFinding> Findings { get; init; }

    /// <summary>The folder of the last checkpoint; null if nothing is saved.</summary>
    public required string? Checkpoint { get; init; }

    /// <summary>Writes the model as a folder that <c>DDPMPipeline.from_pretrained</c> of Python's diffusers loads.</summary>
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
    public IReadOnlyDictionary<string, string> ExportDiffusers(string folder, bool raw = false, bool overwrite = false)
    {
        Denoiser denoiser = raw ? RawDenoiser : EmaDenoiser;
        Dictionary<string, string> notes = new(StringComparer.Ordinal)
        {
            ["weights"] = ReferenceEquals(denoiser, RawDenoiser) ? "raw" : "ema",
            ["step"] = Step.ToString(CultureInfo.InvariantCulture),
        };
        using WeightLock.Pass pass = denoiser.Enter(); // a running trainer waits before its next step
        DiffusersFolder.Save(folder, denoiser, notes, overwrite);
        return notes;
    }
}

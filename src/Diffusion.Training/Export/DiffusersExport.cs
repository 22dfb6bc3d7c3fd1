using System.Globalization;

namespace Diffusion.Training;

/// <summary>Which weights of a run are exported.</summary>
public enum ExportedWeights
{
    /// <summary>The averaged weights: what sampling wants.</summary>
    Ema,

    /// <summary>The network's own.</summary>
    Raw,
}

/// <summary>What was exported, as text: "runs/photos/diffusers: weights ema, step 5000".</summary>
/// <param name="Folder">The folder.</param>
/// <param name="Weights">
/// Which weights it holds: <see cref="ExportedWeights.Raw"/> also where averages were asked for and the run has none.
/// </param>
/// <param name="Step">After how many optimizer steps.</param>
public sealed record DiffusersExport(string Folder, ExportedWeights Weights, long Step)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Folder}: weights {Notes["weights"]}, step {Notes["step"]}";

    /// <summary>What the header of the weights' file says of them: <c>weights</c>, ema or raw, and <c>step</c>.</summary>
    public IReadOnlyDictionary<string, string> Notes => new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["weights"] = Weights == ExportedWeights.Ema ? "ema" : "raw",
        ["step"] = Step.ToString(CultureInfo.InvariantCulture),
    };
}

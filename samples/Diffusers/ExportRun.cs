using System.Globalization;
using Diffusion;

namespace Diffusers;

/// <summary>Reads the newest checkpoint of a run, and writes it for diffusers.</summary>
internal static class ExportRun
{
    /// <summary>Writes the folder.</summary>
    /// <returns>The exit code.</returns>
    public static int Execute(string run, string folder, StoredWeightsKind weights, bool overwrite)
    {
        using TrainedModel model = TrainedModel.Open(run, ema: weights == StoredWeightsKind.Raw ? TrainedModel.NoEma : null);
        string kind = model.Ema is null ? "raw" : "ema";
        string step = model.Step?.ToString(CultureInfo.InvariantCulture) ?? "unknown";
        Dictionary<string, string> notes = new() { ["weights"] = kind, ["step"] = step };
        DiffusersFolder.Save(folder, model.Denoiser, notes, overwrite);
        Console.WriteLine($"{folder}: weights {kind}, step {step}");
        return 0;
    }
}

using System.Globalization;

namespace Diffusion.Training;

/// <summary>The name of a snapshot of an average, such as <c>step-000001000-0.05.safetensors</c>.</summary>
/// <param name="Step">The number of optimizer steps taken.</param>
/// <param name="SigmaRel">The relative width of the power function.</param>
internal readonly record struct EmaSnapshotName(long Step, double SigmaRel)
{
    private const string Prefix = "step-";
    private const string Extension = ".safetensors";

    /// <summary>The profile of the average.</summary>
    public PowerProfile Profile => new(Step, PowerProfile.GammaOf(SigmaRel));

    /// <summary>Parses the name of a file; returns null if the file is not a snapshot.</summary>
    public static EmaSnapshotName? TryParse(string file)
    {
        string[] parts = file.Split('-', 3);
        return parts.Length == 3 && parts[2].EndsWith(Extension, StringComparison.Ordinal)
            && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out long step) && step > 0
            && double.TryParse(parts[2][..^Extension.Length], NumberStyles.Float, CultureInfo.InvariantCulture, out double sigmaRel)
            && sigmaRel > 0 && sigmaRel <= PowerProfile.MaxSigmaRel
            && new EmaSnapshotName(step, sigmaRel) is var name && name.ToString() == file
            ? name
            : null;
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Step:D9}-{SigmaRel:R}{Extension}");
}

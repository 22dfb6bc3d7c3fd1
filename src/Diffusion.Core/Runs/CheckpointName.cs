using System.Globalization;

namespace Diffusion;

/// <summary>
/// The name of a checkpoint's folder: <c>step-000005000</c>, or <c>step-000005000-2</c> if that step was saved a second time, so that the
/// first save stays until the second is verified.
/// </summary>
/// <param name="Step">The number of optimizer steps taken.</param>
/// <param name="Save">The number of the save of this step, from 1.</param>
internal readonly record struct CheckpointName(long Step, int Save)
{
    private const string Prefix = "step-";

    /// <summary>Parses the name of a folder; returns null if the folder is not a checkpoint.</summary>
    public static CheckpointName? TryParse(string folder)
    {
        string[] parts = folder.Split('-');
        return parts.Length is 2 or 3 && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out long step)
            && int.TryParse(parts.Length == 3 ? parts[2] : "1", NumberStyles.None, CultureInfo.InvariantCulture, out int save)
            && new CheckpointName(step, save) is var name && name.ToString() == folder
            ? name
            : null;
    }

    /// <inheritdoc/>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Step:D9}{(Save == 1 ? string.Empty : $"-{Save}")}");
}

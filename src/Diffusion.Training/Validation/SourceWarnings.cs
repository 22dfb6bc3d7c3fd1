using Diffusion.Data;

namespace Diffusion.Training;

/// <summary>Warns about items that a source skipped but its user may want.</summary>
internal static class SourceWarnings
{
    /// <summary>Returns one warning for each reason, except for items that nobody would train on.</summary>
    /// <param name="source">The images of the run.</param>
    public static IEnumerable<TrainingWarning> Of(IImageSource source) => source.Report.Skipped
        .Where(part => !part.IsExpected)
        .Select(part => new TrainingWarning("Data", $"{part}. They are not part of {source.Description}."));
}

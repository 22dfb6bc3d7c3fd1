using Diffusion.Data;

namespace Diffusion.Training;

/// <summary>Warns of what a source left out and its user may want.</summary>
internal static class SourceWarnings
{
    /// <summary>One warning for each reason, but for what nobody would train on.</summary>
    /// <param name="source">The images of the run.</param>
    public static IEnumerable<TrainingWarning> Of(IImageSource source) => source.Report.Skipped
        .Where(part => !part.IsExpected)
        .Select(part => new TrainingWarning("Data", $"{part}. They are no part of {source.Description}."));
}

namespace Diffusion.Reporting;

/// <summary>What the images of a run are.</summary>
/// <param name="Description">The source in one line.</param>
/// <param name="Report">What was skipped when the source was opened, in one line.</param>
/// <param name="Count">The number of images.</param>
/// <param name="HeldOut">The number of images that are held out from training.</param>
/// <param name="Shape">The shape of an image as text.</param>
/// <param name="Classes">The number of images of each class; empty without classes.</param>
/// <param name="Counted">The number of images whose class was counted.</param>
/// <param name="Means">The mean of each channel, in [-1, 1].</param>
/// <param name="Deviations">The standard deviation of each channel.</param>
internal sealed record DataSheet(string Description, string Report, long Count, long HeldOut, string Shape,
    IReadOnlyList<ClassSize> Classes, long Counted, IReadOnlyList<double> Means, IReadOnlyList<double> Deviations);

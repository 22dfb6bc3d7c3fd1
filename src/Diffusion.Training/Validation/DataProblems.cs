using System.Globalization;
using Diffusion.Data;

namespace Diffusion.Training;

/// <summary>Finds what does not fit between the options, the model and the images, each as: what, actual, expected, remedy.</summary>
internal static class DataProblems
{
    /// <summary>Every misfit; empty when there is none.</summary>
    public static IEnumerable<string> Of(TrainingOptions options, IDiffusionModel model, IImageSource? source)
    {
        if (source is null)
        {
            return ["There are no images to train on. Call UseData, for example UseData(ImageFolder.Open(\"photos\", size: 32))."];
        }

        return ((IEnumerable<string?>)[Classes(model.ClassCount, source), Groups(source), HeldOut(options, source),
            WholeBatches(options, source)]).OfType<string>();
    }

    private static string? Classes(int? modelClasses, IImageSource source) =>
        modelClasses is not { } wanted || source.ClassCount <= wanted
            ? null
            : $"The model has {wanted} classes, but the data has "
                + $"{source.ClassCount?.ToString(CultureInfo.InvariantCulture) ?? "no labels"}{WhatIsLeftOut(source)}. "
                + "Make the model for the data's classes, or without classes.";

    // Why labels are missing is in what the source says of itself.
    private static string WhatIsLeftOut(IImageSource source) => source.ClassCount is null && source.Report.Skipped is { Count: > 0 } parts
        ? $" ({source.Description}; {string.Join("; ", parts)})"
        : string.Empty;

    private static string? Groups(IImageSource source) => source.GroupSizes is { } groups && groups.Sum() != source.Count
        ? $"The groups of the source hold {groups.Sum()} images, but its Count is {source.Count}. GroupSizes must add up to it."
        : null;

    private static string? HeldOut(TrainingOptions options, IImageSource source) =>
        options.HoldOutFraction > 0 && source.Count < 2
            ? string.Create(CultureInfo.InvariantCulture,
                $"HoldOutFraction ({options.HoldOutFraction}) needs at least 2 images, but there is {source.Count}. Use 0.")
            : null;

    private static string? WholeBatches(TrainingOptions options, IImageSource source)
    {
        long images = options.HoldOutFraction is > 0 and < 1 && source.Count >= 2
            ? new HeldOutSplit(source.Count, options.HoldOutFraction, new SeedStream(options.Seed)).TrainingCount
            : source.Count;
        return options.Loading.DropLast && options.BatchSize > images
            ? $"Loading.DropLast needs a whole batch in each epoch, but BatchSize ({options.BatchSize}) is more than the {images} images "
                + $"to train on. "
                + $"Use a batch of at most {images}, or leave DropLast out."
            : null;
    }
}

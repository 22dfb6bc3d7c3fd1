using System.Globalization;
using Diffusion.Data;

namespace Diffusion.Training;

/// <summary>Finds mismatches between the options, the model and the images. Each message says what, actual, expected, remedy.</summary>
internal static class DataProblems
{
    /// <summary>Returns all mismatches; empty if there are none.</summary>
    public static IEnumerable<string> Of(TrainingOptions options, IDiffusionModel model, IImageSource? source)
    {
        if (source is null)
        {
            return ["There are no images to train on. Call UseData, for example UseData(ImageFolder.Open(\"photos\", size: 32))."];
        }

        string?[] problems =
        [
            Classes(model.ClassCount, source), NoClass(options, model.ClassCount, source), Groups(source), HeldOut(options, source),
            WholeBatches(options, source),
        ];
        return problems.OfType<string>();
    }

    private static string? Classes(int? modelClasses, IImageSource source) =>
        modelClasses is not { } wanted || source.ClassCount <= wanted
            ? null
            : $"The model has {wanted} classes, but the data has "
                + $"{source.ClassCount?.ToString(CultureInfo.InvariantCulture) ?? "no labels"}{WhatIsLeftOut(source)}. "
                + "Create the model for the classes of the data, or without classes.";

    private static string? NoClass(TrainingOptions options, int? modelClasses, IImageSource source) =>
        options.Objective is not { DropsLabels: true } objective || modelClasses > source.ClassCount
            ? null
            : (objective.LabelDropout > 0
                ? string.Create(CultureInfo.InvariantCulture, $"Objective.LabelDropout ({objective.LabelDropout}) needs a model with ")
                : $"The objective ({objective.Description}) drops labels, which needs a model with ")
                + "one class more than the data, for \"no class\", but the model has "
                + $"{modelClasses?.ToString(CultureInfo.InvariantCulture) ?? "no"} classes and the data has "
                + $"{source.ClassCount?.ToString(CultureInfo.InvariantCulture) ?? "no"}. "
                + (source.ClassCount is { } classes ? $"Create the model with {classes + 1} classes, or use 0." : "Use 0.");

    // The report of the source says why labels are missing.
    private static string WhatIsLeftOut(IImageSource source) => source.ClassCount is null && source.Report.Skipped is { Count: > 0 } parts
        ? $" ({source.Description}; {string.Join("; ", parts)})"
        : string.Empty;

    private static string? Groups(IImageSource source) => source.GroupSizes is { } groups && groups.Sum() != source.Count
        ? $"The groups of the source contain {groups.Sum()} images, but its Count is {source.Count}. GroupSizes must add up to Count."
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
            ? $"Loading.DropLast needs a complete batch in each epoch, but BatchSize ({options.BatchSize}) exceeds the {images} training "
                + $"images. Use a batch of at most {images}, or leave DropLast out."
            : null;
    }
}
